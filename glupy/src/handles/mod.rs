//! The handle classes: one for each C type that Python sees.

mod dict;
mod dirents;
mod iovec;
mod loc;
mod locklist;
mod refs;
mod values;

pub use dict::Dict;
pub use dirents::{Dirent, Dirents};
pub use iovec::{Buffer, Iovec};
pub use loc::Loc;
pub use locklist::LockList;
pub use refs::{Client, Fd, Inode, Iobref};
pub use values::{Flock, Iatt, Lease, Statvfs};
