# Tells another program, in JSON, what is asked.
from __future__ import print_function
import json
from gluster import *

HOME = "volume:"
skipped = [".hidden", "lost+found"]

def send_message(operation, file_name, **more):
    message = {'operation': operation, 'file': HOME + file_name}
    message.update(more)
    print(json.dumps(message, sort_keys=True))


class xlator (Translator):

    def __init__ (self, c_this):
        Translator.__init__(self,c_this)
        self.who = "journal of " + c_this.contents.name

    def lookup_fop (self, frame, this, loc, xdata):
        if loc.contents.name not in skipped:
            send_message('lookup', loc.contents.path, name=loc.contents.name)
        dl.wind_lookup(frame,POINTER(xlator_t)(), loc, xdata)
        return 0

    def getxattr_fop (self, frame, this, loc, name, xdata):
        send_message('getxattr', loc.contents.path, key=name, by=self.who)
        dl.wind_getxattr(frame,POINTER(xlator_t)(), loc, name, xdata)
        return 0

    def readlink_cbk (self, frame, cookie, this, op_ret, op_errno, path, buf, xdata):
        send_message('readlink', path)
        dl.unwind_readlink(frame, cookie, this, op_ret, op_errno, path, buf, xdata)
        return 0
