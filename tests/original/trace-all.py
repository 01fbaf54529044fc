# Formats what it gets, as `debug-trace` did.
import sys
import stat
from uuid import UUID
from time import strftime, localtime
from gluster.glupy import *

dl.get_id.restype = c_long
dl.get_id.argtypes = [ POINTER(call_frame_t) ]

dl.get_rootunique.restype = c_uint64
dl.get_rootunique.argtypes = [ POINTER(call_frame_t) ]

def uuid2str (gfid):
        return str(UUID(''.join(map("{0:02x}".format, gfid))))

def stat2str (buf):
        if not buf:
                return "-"
        kind = {IA_IFREG: "file", IA_IFDIR: "dir"}.get(buf.contents.ia_type, "other")
        return ("({0:s}, {1:s}, ino={2:d}, x={3:d}, nlink={4:d}, size={5:d}, "
                "mtime={6:s})").format(kind, uuid2str(buf.contents.ia_gfid), buf.contents.ia_no,
                                       buf.contents.ia_prot.owner.execn, buf.contents.ia_nlink,
                                       buf.contents.ia_size,
                                       strftime("%Y", localtime(buf.contents.ia_mtime)))

class xlator(Translator):

        def __init__(self, c_this):
                Translator.__init__(self, c_this)
                self.gfids = {}

        def lookup_fop(self, frame, this, loc, xdata):
                print(("LOOKUP {0:d}: gfid={1:s}; path={2:s}; name={3:s}; xdata={4:s}; "
                       "frame={5:s}; this={6:s}").format(
                        dl.get_rootunique(frame), uuid2str(loc.contents.gfid), loc.contents.path,
                        loc.contents.name, xdata, frame, this))
                self.gfids[dl.get_id(frame)] = uuid2str(loc.contents.gfid)
                dl.wind_lookup(frame, POINTER(xlator_t)(), loc, xdata)
                return 0

        def lookup_cbk(self, frame, cookie, this, op_ret, op_errno,
                       inode, buf, xdata, postparent):
                print("LOOKUP CBK: gfid={0:s}; op_ret={1:d}; inode={2:s}; buf={3:s}; "
                      "postparent={4:s}; cookie={5:d}".format(
                        self.gfids.pop(dl.get_id(frame)), op_ret, inode, stat2str(buf),
                        stat2str(postparent), cookie))
                dl.unwind_lookup(frame, cookie, this, op_ret, op_errno,
                                 inode, buf, xdata, postparent)
                return 0

        def create_fop(self, frame, this, loc, flags, mode, umask, fd, xdata):
                print("CREATE path={0:s}; fd={1:s}; flags=0{2:o}; mode=0{3:o}; umask=0{4:o}".format(
                        loc.contents.path, fd, flags, mode, umask))
                dl.wind_create(frame, POINTER(xlator_t)(), loc, flags, mode, umask, fd, xdata)
                return 0

        def create_cbk(self, frame, cookie, this, op_ret, op_errno, fd,
                       inode, buf, preparent, postparent, xdata):
                if op_ret >= 0:
                        print("CREATE CBK gfid={0:s}; fd={1:s}; buf={2:s}".format(
                                uuid2str(inode.contents.gfid), fd, stat2str(buf)))
                dl.unwind_create(frame, cookie, this, op_ret, op_errno, fd,
                                 inode, buf, preparent, postparent, xdata)
                return 0

        def writev_fop(self, frame, this, fd, vector, count, offset, flags, iobref, xdata):
                print("WRITEV gfid={0:s}; fd={1:s}; vector={2:s}; iobref={3:s}; offset={4:d}; "
                      "flags=0{5:x}".format(uuid2str(fd.contents.inode.contents.gfid), fd, vector,
                                            iobref, offset, flags))
                dl.wind_writev(frame, POINTER(xlator_t)(), fd, vector, count, offset, flags,
                               iobref, xdata)
                return 0

        def readv_cbk(self, frame, cookie, this, op_ret, op_errno, vector, count, buf, iobref,
                      xdata):
                print("READV CBK op_ret={0:d}; buf={1:s}".format(op_ret, stat2str(buf)))
                dl.unwind_readv (frame, cookie, this, op_ret, op_errno, vector, count, buf,
                                 iobref, xdata)
                return 0

        def setxattr_fop(self, frame, this, loc, dictionary, flags, xdata):
                print("SETXATTR loc={0:p}; dictionary={1:s}; xdata={2:p}".format(
                        loc, dictionary, xdata))
                dl.wind_setxattr(frame, POINTER(xlator_t)(), loc, dictionary, flags, xdata)
                return 0

        def getxattr_fop(self, frame, this, loc, name, xdata):
                print("GETXATTR path={0:s}; name={1:s}".format(loc.contents.path, name))
                dl.wind_getxattr(frame, POINTER(xlator_t)(), loc, name, xdata)
                return 0

        def getxattr_cbk(self, frame, cookie, this, op_ret, op_errno, dictionary, xdata):
                print("GETXATTR CBK op_ret={0:d}; dictionary={1:s}".format(op_ret, dictionary))
                dl.unwind_getxattr(frame, cookie, this, op_ret, op_errno, dictionary, xdata)
                return 0

        def statfs_fop(self, frame, this, loc, xdata):
                gfid = uuid2str(loc.contents.inode.contents.gfid) if loc.contents.inode else "0"
                print("STATFS gfid={0:s}; path={1:s}".format(gfid, loc.contents.path))
                dl.wind_statfs(frame, POINTER(xlator_t)(), loc, xdata)
                return 0

        def symlink_fop(self, frame, this, linkpath, loc, umask, xdata):
                print("SYMLINK linkpath={0:s}; path={1:s}".format(linkpath, loc.contents.path))
                dl.wind_symlink(frame, POINTER(xlator_t)(), linkpath, loc, umask, xdata)
                return 0

        def readdirp_cbk(self, frame, cookie, this, op_ret, op_errno, buf, xdata):
                print("READDIRP CBK op_ret={0:d}; buf={1:s}".format(op_ret, buf))
                dl.unwind_readdirp(frame, cookie, this, op_ret, op_errno, buf, xdata)
                return 0
