import sys
from gluster import *

class xlator (Translator):

    def __init__(self, c_this):
        Translator.__init__(self, c_this)

    def lookup_fop(self, frame, this, loc, xdata):
        print("going down")
        dl.wind_lookup(frame, POINTER(xlator_t)(), loc, xdata)
        return 0

    def lookup_cbk(self, frame, cookie, this, op_ret, op_errno, inode, buf,
                   xdata, postparent):
        print("coming up: %d" % op_ret)
        dl.unwind_lookup(frame, cookie, this, op_ret, op_errno, inode, buf,
                         xdata, postparent)
        return 0
