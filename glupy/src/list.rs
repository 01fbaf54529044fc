//! GlusterFS's linked lists (list.h), of elements that begin with their links.

use crate::gf;

/// Makes a head the head of an empty list.
///
/// # Safety
/// `head` points to an element or to a head of its own.
pub unsafe fn init<T>(head: *mut T) {
    let head: *mut gf::list_head = head.cast();
    // SAFETY: by contract.
    unsafe {
        (*head).next = head;
        (*head).prev = head;
    }
}

/// Puts an element behind the head.
///
/// # Safety
/// The list is well formed and not used by anyone else now; the element is on no list.
pub unsafe fn prepend(head: *mut gf::list_head, element: *mut gf::list_head) {
    // SAFETY: by contract.
    unsafe { link(head, element, (*head).next) }
}

/// Puts an element at the end of a list.
///
/// # Safety
/// As for [`prepend`].
pub unsafe fn append<T>(head: *mut T, element: *mut T) {
    let head: *mut gf::list_head = head.cast();
    // SAFETY: by contract.
    unsafe { link((*head).prev, element.cast(), head) }
}

/// Takes an element off its list.
///
/// # Safety
/// The list is well formed and not used by anyone else now.
pub unsafe fn remove(element: *mut gf::list_head) {
    // SAFETY: by contract.
    unsafe {
        (*(*element).prev).next = (*element).next;
        (*(*element).next).prev = (*element).prev;
    }
}

unsafe fn link(before: *mut gf::list_head, element: *mut gf::list_head, after: *mut gf::list_head) {
    // SAFETY: by contract of the callers.
    unsafe {
        (*element).prev = before;
        (*element).next = after;
        (*before).next = element;
        (*after).prev = element;
    }
}

/// The elements of a list. A head that is all zero counts as empty. The element
/// that was given out last may be freed.
///
/// # Safety
/// The list is well formed, and stays so as long as the iterator is used.
pub unsafe fn elements<T>(head: *mut T) -> impl Iterator<Item = *mut T> {
    let head: *mut gf::list_head = head.cast();
    // SAFETY: by contract.
    let mut at = unsafe { (*head).next };
    std::iter::from_fn(move || {
        if at.is_null() || at == head {
            return None;
        }
        let element = at.cast();
        // SAFETY: by contract.
        at = unsafe { (*at).next };
        Some(element)
    })
}
