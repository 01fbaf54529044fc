# Remembers what is not there, as `negative` did.
import sys
from uuid import UUID
from gluster.glupy import *

absent = {}

dl.get_id.restype = c_long
dl.get_id.argtypes = [ POINTER(call_frame_t) ]

def uuid2str (gfid):
    return str(UUID(''.join(map("{0:02x}".format, gfid))))

class xlator (Translator):

    def __init__ (self, c_this):
        self.pending = {}
        Translator.__init__(self,c_this)

    def lookup_fop (self, frame, this, loc, xdata):
        parent = uuid2str(loc.contents.pargfid)
        if loc.contents.name in absent.get(parent, []):
            print("absent: %s/%s" % (parent, loc.contents.name))
            dl.unwind_lookup(frame,0,this,-1,2,None,None,None,None)
            return 0
        self.pending[dl.get_id(frame)] = (parent, loc.contents.name[:])
        dl.wind_lookup(frame,POINTER(xlator_t)(),loc,xdata)
        return 0

    def lookup_cbk (self, frame, cookie, this, op_ret, op_errno, inode, buf,
                    xdata, postparent):
        parent, name = self.pending.pop(dl.get_id(frame))
        if op_ret != 0 and op_errno == 2:
            absent.setdefault(parent, []).append(name)
        dl.unwind_lookup(frame,cookie,this,op_ret,op_errno,
                         inode,buf,xdata,postparent)
        return 0

    def create_fop (self, frame, this, loc, flags, mode, umask, fd, xdata):
        parent = uuid2str(loc.contents.pargfid)
        if loc.contents.name in absent.get(parent, []):
            absent[parent].remove(loc.contents.name)
        dl.wind_create(frame,POINTER(xlator_t)(),loc,flags,mode,umask,fd,xdata)
        return 0
