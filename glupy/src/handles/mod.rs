//! The handle classes: one for each C type that Python sees.

mod dict;
pub mod dirents;
mod gfid;
pub mod iovec;
mod loc;
pub mod locklist;
mod refs;
mod sequence;
mod table;
pub mod values;

pub use dict::{Dict, keys as dict_keys, misfit, names_size, value_size};
pub use dirents::{Dirent, Dirents};
pub use gfid::Gfid;
pub use iovec::{Buffer, Iovec};
pub use loc::Loc;
pub use locklist::LockList;
pub use refs::{Client, Fd, Inode, Iobref};
pub use table::InodeTable;
pub use values::{Flock, Iatt, Lease, Statvfs};
