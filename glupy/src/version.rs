//! Which GlusterFS a libglusterfs is of: what the build links with and what the process
//! runs are asked by the same rule (`build/gluster.rs`, `fingerprint.rs`).

/// The version in libglusterfs's bytes: no function and no symbol tells it, but the folder
/// that translators are loaded from is in there, `<libdir>/glusterfs/<version>/xlator`.
pub fn of(libglusterfs: &[u8]) -> Option<&str> {
    const END: &[u8] = b"/xlator\0";
    let ends = libglusterfs.windows(END.len()).enumerate();
    let mut ends = ends.filter(|(_, bytes)| *bytes == END);
    ends.find_map(|(end, _)| {
        let folder = libglusterfs[..end].rsplit(|byte| *byte == 0).next()?;
        let (parent, version) = std::str::from_utf8(folder).ok()?.rsplit_once('/')?;
        (parent.starts_with('/') && parent.ends_with("/glusterfs")).then_some(version)
    })
}
