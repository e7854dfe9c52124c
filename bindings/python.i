/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public header as the extension module iotsafe._core: plain functions
 * without the prefix, bytes for bytes, an exception for a negative result.
 * Built with -builtin, so that there is no generated Python at all.
 */

%rename("%(strip:[iotsafe_])s", %$isfunction) "";
%rename("%(strip:[IOTSAFE_])s", %$isenumitem) "";

/* An exception carries these; destructors do the freeing. A handle lives as
 * long as any call that uses it, so no thread can free it under another. */
%ignore iotsafe_last_error;
%ignore iotsafe_last_code;
%ignore iotsafe_last_status;
%rename("$ignore", regexmatch$name="^iotsafe_.*_free$") "";

%{
#include <string.h>

/*
 * Raises what iotsafe.errors has for a code. The sentence is taken first:
 * whatever runs between the failure and here might call the library again.
 */
static void raise_failure(int code)
{
	const char *text = iotsafe_last_error();
	unsigned status = iotsafe_last_status();
	PyObject *words = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text),
	                                       "backslashreplace");
	PyObject *errors = NULL;
	PyObject *error = NULL;

	if (words)
		errors = PyImport_ImportModule("iotsafe.errors");
	if (errors)
		error = PyObject_CallMethod(errors, "failure", "iOI", code,
		                            words, status);
	if (error)
		PyErr_SetObject((PyObject *)Py_TYPE(error), error);
	Py_XDECREF(error);
	Py_XDECREF(errors);
	Py_XDECREF(words);
}

static PyObject *none(void)
{
	Py_RETURN_NONE;
}

/* Puts the one output of a function in the place of its result. */
static PyObject *output(PyObject *result, PyObject *value)
{
	Py_XDECREF(result);
	return value;
}
%}

/* Any call may wait for the card. */
%exception {
	Py_BEGIN_ALLOW_THREADS
	$action
	Py_END_ALLOW_THREADS
}

/* Zero and positive results are values only where nothing else comes out. */
%typemap(out) int {
	if ($1 < 0) {
		raise_failure($1);
		SWIG_fail;
	}
	$result = PyLong_FromLong($1);
}

/* Whatever has the buffer protocol; held until the call is over, because
 * other threads run meanwhile. None stands for no bytes at all. */
%typemap(in) (const uint8_t *data, size_t data_size) (Py_buffer view = {0}) {
	if ($input != Py_None &&
	    PyObject_GetBuffer($input, &view, PyBUF_SIMPLE) < 0)
		SWIG_fail;
	$1 = ($1_ltype)view.buf;
	$2 = ($2_ltype)view.len;
}
%typemap(freearg) (const uint8_t *data, size_t data_size) {
	PyBuffer_Release(&view$argnum);
}
%apply (const uint8_t *data, size_t data_size) {
	(const uint8_t *secret, size_t secret_size),
	(const uint8_t *signature, size_t signature_size),
	(const uint8_t *extra, size_t extra_size)
};

/* The library's copy is wiped; bytes of Python cannot be. */
%typemap(in, numinputs=0) (uint8_t **out, size_t *out_size)
	(uint8_t *bytes = NULL, size_t size = 0) {
	$1 = &bytes;
	$2 = &size;
}
%typemap(argout) (uint8_t **out, size_t *out_size) {
	const char *start = *$1 ? (const char *)*$1 : "";

	$result = output($result, PyBytes_FromStringAndSize(
		start, (Py_ssize_t)*$2));
}
%typemap(freearg) (uint8_t **out, size_t *out_size) {
	iotsafe_free(*$1);
}

/* A string without zero bytes, or bytes, or a path; None is NULL. */
%typemap(in) const char * (PyObject *string = NULL) {
	if ($input != Py_None) {
		if (!PyUnicode_FSConverter($input, &string))
			SWIG_fail;
		$1 = PyBytes_AsString(string);
	}
}
%typemap(freearg) const char * {
	Py_XDECREF(string$argnum);
}

%typemap(in, numinputs=0) size_t *sent (size_t count = 0) {
	$1 = &count;
}
%typemap(argout) size_t *sent {
	$result = output($result, PyLong_FromSize_t(*$1));
}

/* None: the card does not tell, since the PIN was given. */
%typemap(in, numinputs=0) int *tries (int left = -1) {
	$1 = &left;
}
%typemap(argout) int *tries {
	$result = output($result, *$1 < 0 ? none()
	                                  : PyLong_FromLong(*$1));
}

%typemap(in, numinputs=0) (int *fd, int *events, int *timeout)
	(int descriptor = -1, int mask = 0, int wait = -1) {
	$1 = &descriptor;
	$2 = &mask;
	$3 = &wait;
}
%typemap(argout) (int *fd, int *events, int *timeout) {
	$result = output($result, Py_BuildValue("(iii)", *$1, *$2, *$3));
}

/* None at the end of a list. */
%define HANDLE_OUT(NAME)
%typemap(in, numinputs=0) iotsafe_ ## NAME **
	(iotsafe_ ## NAME *handle = NULL) {
	$1 = &handle;
}
%typemap(argout) iotsafe_ ## NAME ** {
	$result = output($result, SWIG_NewPointerObj(
		*$1, $*1_descriptor, SWIG_POINTER_OWN));
}
%enddef

HANDLE_OUT(card)
HANDLE_OUT(key)
HANDLE_OUT(file)
HANDLE_OUT(object)
HANDLE_OUT(list)
HANDLE_OUT(info)
HANDLE_OUT(tls)
HANDLE_OUT(seal)

/* ---- functions that are asked for a PIN ---- */

%{
/* For the SIM's, and for those of applets. */
static PyObject *pin_function, *applet_pin_function;

/* Takes what the function gave. Whatever it raises means that there is none,
 * and is shown as Python shows what nobody can catch. */
static int take_pin(PyObject *function, PyObject *answer, char *pin,
                    size_t pin_size)
{
	const char *text = NULL;
	int result = -1;

	if (answer && answer != Py_None)
		text = PyUnicode_AsUTF8(answer);
	if (text && strlen(text) < pin_size) {
		strcpy(pin, text);
		result = 0;
	}
	if (PyErr_Occurred())
		PyErr_WriteUnraisable(function);
	Py_XDECREF(answer);
	return result;
}

/* In whichever thread works on the card. */
static int ask_for_pin(void *self, const char *iccid, int tries, char *pin,
                       size_t pin_size)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *answer = NULL;
	int result;

	(void)self;
	if (pin_function)
		answer = PyObject_CallFunction(pin_function, "si", iccid,
		                               tries);
	result = take_pin(pin_function, answer, pin, pin_size);
	PyGILState_Release(state);
	return result;
}

static int ask_for_applet_pin(void *self, const char *iccid,
                              const char *applet, int tries, char *pin,
                              size_t pin_size)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *answer = NULL;
	int result;

	(void)self;
	if (applet_pin_function)
		answer = PyObject_CallFunction(applet_pin_function, "ssi",
		                               iccid, applet, tries);
	result = take_pin(applet_pin_function, answer, pin, pin_size);
	PyGILState_Release(state);
	return result;
}

static PyObject *keep_function(PyObject **place, PyObject *function)
{
	PyObject *old = *place;

	*place = function == Py_None ? NULL : function;
	Py_XINCREF(*place);
	return old;
}
%}

%exception pin_set {
	$action
}
%exception pin_set_applet {
	$action
}
%inline %{
static void pin_set(PyObject *function)
{
	PyObject *old = keep_function(&pin_function, function);

	iotsafe_pin_set(pin_function ? ask_for_pin : NULL, NULL);
	Py_XDECREF(old);
}

static void pin_set_applet(PyObject *function)
{
	PyObject *old = keep_function(&applet_pin_function, function);

	iotsafe_pin_set_applet(applet_pin_function ? ask_for_applet_pin : NULL,
	                       NULL);
	Py_XDECREF(old);
}
%}
