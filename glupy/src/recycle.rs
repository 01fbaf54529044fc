//! Objects that are used again instead of being made anew.

/// How many unused objects a pool may keep: `most`, but none in a build for tools that
/// look for memory used after its end (the feature `asan`), since a recycled object
/// hides it.
pub const fn at_most(most: usize) -> usize {
    if cfg!(feature = "asan") { 0 } else { most }
}
