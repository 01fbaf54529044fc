//! What GlusterFS's loader sees: `xlator_api`, the only exported symbol.

use std::ffi::CStr;
use std::panic;

use crate::gf;
use crate::instance::Instance;
use crate::log;

/// Filled with defaults by the loader; each instance copies it.
// `static mut`: the loader writes to it, so it must be in writable memory.
static mut FOPS: gf::xlator_fops = {
    // SAFETY: every slot may be NULL.
    unsafe { std::mem::zeroed() }
};

static mut CBKS: gf::xlator_cbks = {
    // SAFETY: every slot may be NULL.
    unsafe { std::mem::zeroed() }
};

/// Accepts every option: the module knows its own. Ends with an empty entry.
static mut OPTIONS: [gf::volume_option_t; 2] = {
    // SAFETY: a volume option of all zeros is the end of the list.
    let mut options: [gf::volume_option_t; 2] = unsafe { std::mem::zeroed() };
    options[0].key[0] = c"*".as_ptr().cast_mut();
    options[0].type_ = gf::GF_OPTION_TYPE_ANY;
    options[0].description = c"Options of the Python translator".as_ptr().cast_mut();
    options
};

/// The interface that GlusterFS's loader looks for.
#[unsafe(no_mangle)]
pub static mut xlator_api: gf::xlator_api_t = {
    // SAFETY: what is not set may be zero.
    let mut api: gf::xlator_api_t = unsafe { std::mem::zeroed() };
    api.op_version[0] = 1;
    api.identifier = c"glupy".as_ptr().cast_mut();
    api.category = gf::GF_MAINTAINED;
    api.init = Some(init);
    api.fini = Some(fini);
    api.fops = &raw mut FOPS;
    api.cbks = &raw mut CBKS;
    api.options = (&raw mut OPTIONS).cast();
    api
};

/// Loads the volume's Python module. Fails with the reason in the log.
unsafe extern "C" fn init(this: *mut gf::xlator_t) -> i32 {
    // SAFETY: called by the loader with a translator to be initialized.
    let result = panic::catch_unwind(|| unsafe { Instance::start(this) });
    let error = match result {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error,
        Err(_) => "a fault in glupy itself: panic in init".to_owned(),
    };
    // SAFETY: a translator has a name.
    log::error(unsafe { CStr::from_ptr((*this).name) }, &error);
    -1
}

/// Does nothing, on purpose: the default would free `private`, which is not
/// GlusterFS's memory, and requests may be on their way through the instance.
unsafe extern "C" fn fini(_this: *mut gf::xlator_t) {}
