# The second style: decorators that belong to operations; and stubs that are kept, as the
# original's Translator made them.
from gluster_glupy import *

dl.set_mkdir_fop.restype = None
dl.set_mkdir_fop.argtypes = [ c_long, OpMkdir.fop_type ]
assert len(OpMkdir.fop_sig) == 7 and OpMkdir.fop_sig[3] is POINTER(loc_t)
assert OpMkdir.cbk_sig[4:6] == (c_int, c_int)

names = []

@OpMkdir.fop_type
def mkdir_fop (frame, this, loc, mode, umask, xdata):
    names.append(loc.contents.name[:])
    dl.wind_mkdir(frame, POINTER(xlator_t)(), loc, mode, umask, xdata)
    return 0

class xlator:
    def __init__ (self, c_this):
        self.stub_refs = {}
        @OpMkdir.cbk_type
        def stub (frame, cookie, this, op_ret, op_errno, inode, buf, preparent, postparent,
                  xdata, s=self):
            return s.mkdir_cbk(frame, cookie, this, op_ret, op_errno, inode, buf, preparent,
                               postparent, xdata)
        self.stub_refs["mkdir_cbk"] = stub
        self.stub_refs["rmdir_fop"] = OpRmdir.fop_type(self.down)
        dl.set_mkdir_fop(c_this, mkdir_fop)
        dl.set_mkdir_cbk(c_this, stub)
        dl.set_rmdir_fop(c_this, self.stub_refs["rmdir_fop"])

    def mkdir_cbk (self, frame, cookie, this, op_ret, op_errno, inode, buf, preparent, postparent,
                   xdata):
        print("made " + names.pop() + ", cookie " + str(cookie != 0))
        dl.unwind_mkdir(frame, cookie, this, op_ret, op_errno, inode, buf, preparent, postparent,
                        xdata)
        return 0

    def down (self, frame, this, loc, flags, xdata):
        print("going: " + loc.contents.path)
        dl.wind_rmdir(frame, POINTER(xlator_t)(), loc, flags, xdata)
        return 0
