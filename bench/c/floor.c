/*
 * What it costs at least to call Python from a translator: lookups take the GIL, call an
 * empty Python function with two arguments, give the GIL up, and go on. No argument is
 * converted, nothing is kept, and nothing can go wrong.
 *
 *   option calls  fop    on the way down; the answer passes by
 *                 both   and on the way up
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

static PyObject *empty;

static void
call_python(void)
{
    static __thread PyThreadState *state;
    PyObject *values[] = {NULL, Py_None, Py_None}, *result;

    if (!state)
        state = PyGILState_GetThisThreadState();
    if (!state) {
        PyGILState_Ensure(); /* kept as long as the thread is there */
        state = PyEval_SaveThread();
    }
    PyEval_RestoreThread(state);
    result = PyObject_Vectorcall(empty, &values[1], 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(result);
    PyEval_SaveThread();
}

static int32_t
floor_lookup_cbk(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret,
                 int32_t op_errno, inode_t *inode, struct iatt *buf, dict_t *xdata,
                 struct iatt *postparent)
{
    call_python();
    STACK_UNWIND_STRICT(lookup, frame, op_ret, op_errno, inode, buf, xdata, postparent);
    return 0;
}

static int32_t
floor_lookup(call_frame_t *frame, xlator_t *this, loc_t *loc, dict_t *xdata)
{
    xlator_t *child = FIRST_CHILD(this);

    call_python();
    if (this->private)
        STACK_WIND(frame, floor_lookup_cbk, child, child->fops->lookup, loc, xdata);
    else
        STACK_WIND_TAIL(frame, child, child->fops->lookup, loc, xdata);
    return 0;
}

static int32_t
init(xlator_t *this)
{
    PyGILState_STATE state;
    PyObject *names;
    char *calls = "both";

    if (!Py_IsInitialized()) {
        Py_InitializeEx(0);
        PyEval_SaveThread();
    }
    state = PyGILState_Ensure();
    names = PyDict_New();
    if (names && PyRun_String("def empty(frame, this): pass", Py_file_input, names, names))
        empty = PyDict_GetItemString(names, "empty"); /* stays as long as the process */
    PyGILState_Release(state);

    (void)!dict_get_str(this->options, "calls", &calls);
    if (strcmp(calls, "both") == 0)
        this->private = this;
    return empty ? 0 : -1;
}

static struct xlator_fops fops = {.lookup = floor_lookup};
static struct xlator_cbks cbks;
static struct volume_options options[] = {
    {.key = {"calls"}, .type = GF_OPTION_TYPE_STR},
    {.key = {NULL}},
};

xlator_api_t xlator_api = {
    .init = init,
    .fops = &fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "bench-floor",
    .category = GF_EXPERIMENTAL,
};
