/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public header for SWIG, and who owns what in it. How bytes, handles and
 * results look in a language is that language's file, which finds them by
 * their parameter names:
 *
 *   bytes in      (const uint8_t *data, size_t data_size), also called
 *                 secret, signature and extra
 *   bytes out     (uint8_t **out, size_t *out_size)
 *   handle out    iotsafe_card **card, iotsafe_key **key, …
 *   result        int
 *   numbers out   size_t *sent; int *tries; (int *fd, int *events,
 *                 int *timeout)
 */
%module core

%{
#include <iotsafe/gnutls.h>
#include <iotsafe/iotsafe.h>
%}

/* `iotsafe:` names work in every GnuTLS program that loads a binding. */
%init %{
	iotsafe_gnutls_register();
%}

/* A link brought by the application and a function for the trace would call
 * back from C, maybe from a thread the interpreter does not know. */
%ignore iotsafe_link;
%ignore iotsafe_card_open_link;
/* Each language has one of its own. */
%ignore iotsafe_pin_set;
%ignore iotsafe_pin_set_applet;
%ignore iotsafe_pin_func;
%ignore iotsafe_applet_pin_func;
%typemap(in, numinputs=0) (iotsafe_trace_func func, void *self)
	"$1 = NULL; $2 = NULL;"

/* Made and freed by the binding itself. */
%ignore iotsafe_free;

/*
 * A handle belongs to the scripting object that holds it and goes when that
 * is collected, in any order, or by an explicit call of the free function.
 */
%nodefaultctor;
%define IOTSAFE_HANDLE(NAME)
struct iotsafe_ ## NAME {};
%extend iotsafe_ ## NAME {
	~iotsafe_ ## NAME() {
		iotsafe_ ## NAME ## _free($self);
	}
}
%delobject iotsafe_ ## NAME ## _free;
%enddef

#ifdef SWIGPYTHON
%include "python.i"
#endif
#ifdef SWIGLUA
%include "lua.i"
#endif

IOTSAFE_HANDLE(card)
IOTSAFE_HANDLE(key)
IOTSAFE_HANDLE(file)
IOTSAFE_HANDLE(object)
IOTSAFE_HANDLE(list)
IOTSAFE_HANDLE(info)
IOTSAFE_HANDLE(tls)
IOTSAFE_HANDLE(seal)

%include <stdint.i>
%include <iotsafe/iotsafe.h>
