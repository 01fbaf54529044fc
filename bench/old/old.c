/*
 * A translator in Python by the technique of the original Glupy, as small as it can be:
 * Python is embedded, and registers ctypes callbacks (CFUNCTYPE) as fops and callbacks;
 * these wind and unwind by calling back into C, through ctypes too.  Each call from
 * GlusterFS brackets Python with PyGILState_Ensure and PyGILState_Release.
 *
 * Not for use: a request whose handler fails is never answered.
 *
 *   option module FILE    Python source
 *   option class  NAME    in it, called with (this, path of this library)
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>

#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

/* Per fop: what Python registers, how it is called, how it winds and unwinds. */
#include "old.inc"

/* ctypes itself is a library that looks for Python's symbols. */
static void
export_python(void)
{
    Dl_info info;

    if (dladdr((void *)Py_IsInitialized, &info))
        dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

static PyObject *
load(xlator_t *this)
{
    PyObject *runpy = NULL, *module = NULL, *class = NULL, *made = NULL;
    char *file = NULL, *name = NULL;
    Dl_info here;

    if (dict_get_str(this->options, "module", &file) ||
        dict_get_str(this->options, "class", &name) || !dladdr(&old_fops, &here))
        return NULL;
    runpy = PyImport_ImportModule("runpy");
    if (runpy)
        module = PyObject_CallMethod(runpy, "run_path", "s", file);
    if (module)
        class = PyDict_GetItemString(module, name);
    if (class)
        made = PyObject_CallFunction(class, "Ks", (unsigned long long)(uintptr_t)this,
                                     here.dli_fname);
    if (!made)
        PyErr_Print();
    Py_XDECREF(module);
    Py_XDECREF(runpy);
    return made;
}

static int32_t
init(xlator_t *this)
{
    PyGILState_STATE state;
    PyObject *made;

    if (!Py_IsInitialized()) {
        export_python();
        Py_InitializeEx(0);
        PyEval_SaveThread();
    }
    this->private = calloc(1, sizeof(old_t));
    state = PyGILState_Ensure();
    made = load(this); /* lives as long as the process */
    PyGILState_Release(state);
    return made ? 0 : -1;
}

static struct xlator_cbks cbks;
static struct volume_options options[] = {
    {.key = {"*"}, .type = GF_OPTION_TYPE_ANY},
    {.key = {NULL}},
};

xlator_api_t xlator_api = {
    .init = init,
    .fops = &old_fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "bench-old",
    .category = GF_EXPERIMENTAL,
};
