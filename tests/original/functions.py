# Functions of the module, and a class that is no Translator: the first style that there was.
import sys
from gluster import *

dl.get_id.restype = c_long
dl.get_id.argtypes = [ POINTER(call_frame_t) ]

paths = {}

@lookup_fop_t
def lookup_fop (frame, this, loc, xdata):
    paths[dl.get_id(frame)] = loc.contents.path
    print("lookup FOP: %s" % loc.contents.path)
    dl.wind_lookup(frame,POINTER(xlator_t)(),loc,xdata)
    return 0

@lookup_cbk_t
def lookup_cbk (frame, cookie, this, op_ret, op_errno,
                inode, buf, xdata, postparent):
    print("lookup CBK: %s: %d (%d)" % (paths.pop(dl.get_id(frame)), op_ret, op_errno))
    dl.unwind_lookup(frame,cookie,this,op_ret,op_errno,
                     inode,buf,xdata,postparent)
    return 0

@create_fop_t
def create_fop (frame, this, loc, flags, mode, umask, fd, xdata):
    if loc.contents.name == "refused":
        dl.unwind_create(frame,0,this,-1,c_int(13),None,None,None,None,None,None)
        return 0
    dl.wind_create(frame,this,loc,flags,mode,umask,fd,xdata)
    return 0

class xlator ():
    def __init__ (self, xl):
        dl.set_lookup_fop(xl,lookup_fop)
        dl.set_lookup_cbk(xl,lookup_cbk)
        dl.set_create_fop(xl,create_fop)
