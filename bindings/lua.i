/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public header as the Lua module iotsafe.core: plain functions without
 * the prefix, strings for bytes, userdata for handles. What fails gives
 * nil, sentence, code, status word; a handle that was freed gives
 * nil, "closed", ERR_CLOSED. Only a wrong type of argument is a Lua error.
 *
 * One file serves Lua 5.1 (OpenWrt's with its integer patch too), LuaJIT and
 * 5.2 to 5.4: numbers go through lua_pushinteger and lua_Number, never by
 * assuming that all of them are one kind.
 */

%rename("%(strip:[iotsafe_])s", %$isfunction) "";
%rename("%(strip:[IOTSAFE_])s", %$isenumitem) "";

/* Every failure carries these already. */
%ignore iotsafe_last_error;
%ignore iotsafe_last_code;
%ignore iotsafe_last_status;

%{
#include <limits.h>
#include <string.h>
#include <time.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/* SWIG writes two functions of its own into what it takes for the globals.
 * A module sets no globals. */
#undef lua_pushglobaltable
#define lua_pushglobaltable(L) lua_newtable(L)

/* The sentence belongs to the failing call: nothing may come in between. */
static int push_failure(lua_State *L, int code)
{
	lua_pushnil(L);
	lua_pushstring(L, code <= IOTSAFE_WANT_READ ? iotsafe_error_name(code)
	                                            : iotsafe_last_error());
	lua_pushinteger(L, code);
	lua_pushinteger(L, (lua_Integer)iotsafe_last_status());
	return 4;
}

static int push_closed(lua_State *L)
{
	lua_pushnil(L);
	lua_pushliteral(L, "closed");
	lua_pushinteger(L, IOTSAFE_ERR_CLOSED);
	lua_pushinteger(L, 0);
	return 4;
}

static void *refuse_handle(lua_State *L, int index, const char *wanted)
{
	const char *given = luaL_typename(L, index);

	luaL_argerror(L, index, lua_pushfstring(L, "%s expected, got %s",
	                                        wanted, given));
	return NULL;
}

/* What is inside a handle, NULL if it was freed. SWIG's own check would read
 * the memory of any userdata as its own, a file's for example; here the
 * metatable must be right first. */
static void *handle_get(lua_State *L, int index, swig_type_info *type,
                        int disown)
{
	swig_lua_class *class = (swig_lua_class *)type->clientdata;
	swig_lua_userdata *handle;
	void *inside;

	if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
		return refuse_handle(L, index, class->name);
	SWIG_Lua_get_class_metatable(L, class->fqname);
	if (!lua_rawequal(L, -1, -2))
		return refuse_handle(L, index, class->name);
	lua_pop(L, 2);

	handle = (swig_lua_userdata *)lua_touserdata(L, index);
	inside = handle->ptr;
	if (disown) {
		handle->ptr = NULL;
		handle->own = 0;
	}
	return inside;
}

/* NaN, and what the C type cannot hold, are refused. */
static lua_Number number_get(lua_State *L, int index, lua_Number lowest,
                             lua_Number highest)
{
	lua_Number number = luaL_checknumber(L, index);

	if (!(number >= lowest && number <= highest))
		luaL_argerror(L, index, "number out of range");
	return number;
}

/* C would end the string at its first zero byte. */
static const char *string_get(lua_State *L, int index)
{
	size_t size;
	const char *string = luaL_optlstring(L, index, NULL, &size);

	if (string && strlen(string) != size)
		luaL_argerror(L, index, "string contains zero bytes");
	return string;
}

static void push_uint64(lua_State *L, uint64_t number)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, (lua_Integer)number);
#else
	lua_pushnumber(L, (lua_Number)number);
#endif
}

/* Milliseconds of a clock that nobody sets. */
static int push_clock(lua_State *L)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	lua_pushnumber(L, (lua_Number)now.tv_sec * 1000 +
	                          (lua_Number)(now.tv_nsec / 1000000));
	return 1;
}

/* digest(name, data): Lua itself has no hashes. nil for an unknown one. */
static int push_digest(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);
	gnutls_digest_algorithm_t hash = gnutls_digest_get_id(name);
	char digest[64];

	if (hash == GNUTLS_DIG_UNKNOWN ||
	    gnutls_hash_get_len(hash) > sizeof(digest) ||
	    gnutls_hash_fast(hash, data, size, digest) < 0)
		return 0;
	lua_pushlstring(L, digest, gnutls_hash_get_len(hash));
	return 1;
}
%}

%{
/* Between a certificate and who is trusted. */
#define CHAIN_MOST 16

static int read_certificate(lua_State *L, int index, gnutls_x509_crt_t *out)
{
	size_t size;
	const char *data = luaL_checklstring(L, index, &size);
	gnutls_datum_t der = {(unsigned char *)data, (unsigned)size};

	if (size > INT_MAX || gnutls_x509_crt_init(out) < 0)
		return -1;
	if (gnutls_x509_crt_import(*out, &der, GNUTLS_X509_FMT_DER) >= 0)
		return 0;
	gnutls_x509_crt_deinit(*out);
	return -1;
}

/* Takes the root over. Gives GnuTLS's verdict, all bits if there is none. */
static unsigned verify_chain(gnutls_x509_crt_t root, gnutls_x509_crt_t *chain,
                             unsigned count)
{
	gnutls_x509_trust_list_t trust;
	unsigned verdict = ~0u;

	if (gnutls_x509_trust_list_init(&trust, 1) < 0) {
		gnutls_x509_crt_deinit(root);
		return verdict;
	}
	if (gnutls_x509_trust_list_add_cas(trust, &root, 1, 0) != 1)
		gnutls_x509_crt_deinit(root);
	else if (gnutls_x509_trust_list_verify_crt(trust, chain, count, 0,
	                                           &verdict, NULL) < 0)
		verdict = ~0u;
	gnutls_x509_trust_list_deinit(trust, 1);
	return verdict;
}

static int push_verdict(lua_State *L, unsigned verdict)
{
	gnutls_datum_t text = {NULL, 0};

	lua_pushboolean(L, !verdict);
	if (!verdict)
		return 1;
	if (verdict == ~0u ||
	    gnutls_certificate_verification_status_print(
		    verdict, GNUTLS_CRT_X509, &text, 0) < 0)
		lua_pushliteral(L, "the certificates could not be read");
	else
		lua_pushlstring(L, (const char *)text.data, text.size);
	gnutls_free(text.data);
	return 2;
}

/* certificate_issued(certificate, root, between...): all of them DER. */
static int push_issued(lua_State *L)
{
	gnutls_x509_crt_t chain[CHAIN_MOST], root;
	int given = lua_gettop(L);
	unsigned count = 0, verdict = ~0u;

	for (int i = 1; i <= given; i++)
		luaL_checktype(L, i, LUA_TSTRING);
	if (given < 2 || given > CHAIN_MOST)
		return luaL_error(L, "2 to %d certificates expected", CHAIN_MOST);
	while (count + 1 < (unsigned)given &&
	       !read_certificate(L, count ? (int)count + 2 : 1, &chain[count]))
		count++;
	if (count + 1 == (unsigned)given && !read_certificate(L, 2, &root))
		verdict = verify_chain(root, chain, count);
	while (count)
		gnutls_x509_crt_deinit(chain[--count]);
	return push_verdict(L, verdict);
}
%}
%native(certificate_issued) int push_issued(lua_State *L);

%native(clock) int push_clock(lua_State *L);
%native(digest) int push_digest(lua_State *L);

/* In: handles, numbers, strings, bytes. nil is no bytes, or no string. */
%typemap(in) SWIGTYPE * {
	$1 = ($1_ltype)handle_get(L, $input, $descriptor, $disown);
	if (!$1)
		return push_closed(L);
}
%typemap(in) int {
	$1 = (int)number_get(L, $input, INT_MIN, INT_MAX);
}
%typemap(in) int64_t {
	$1 = (int64_t)number_get(L, $input, -1, 9007199254740992.0);
}
%typemap(in) unsigned {
	$1 = (unsigned)number_get(L, $input, 0, UINT_MAX);
}
%typemap(in) size_t {
	$1 = (size_t)number_get(L, $input, 0, INT_MAX);
}
%typemap(in) const char * {
	$1 = ($1_ltype)string_get(L, $input);
}
%typemap(in) (const uint8_t *data, size_t data_size) {
	$1 = ($1_ltype)luaL_optlstring(L, $input, NULL, &$2);
}
%apply (const uint8_t *data, size_t data_size) {
	(const uint8_t *secret, size_t secret_size),
	(const uint8_t *signature, size_t signature_size),
	(const uint8_t *extra, size_t extra_size)
};

/* The result: nothing if good, when something else comes out; else true. */
%typemap(out) int {
	if ($1 < 0)
		SWIG_arg += push_failure(L, $1);
}
%typemap(ret) int {
	if (!SWIG_arg) {
		lua_pushboolean(L, 1);
		SWIG_arg++;
	}
}

/* Functions whose int is a value. */
%typemap(out) int iotsafe_object_class, int iotsafe_object_flags,
	int iotsafe_object_algorithms, int iotsafe_algorithm_from_name {
	lua_pushinteger(L, $1);
	SWIG_arg++;
}
%typemap(out) int iotsafe_key_verifies, int iotsafe_key_prepare,
	int iotsafe_tls_certificate_used, int iotsafe_tls_resumed {
	if ($1 < 0) {
		SWIG_arg += push_failure(L, $1);
	} else {
		lua_pushboolean(L, $1);
		SWIG_arg++;
	}
}
%typemap(out) unsigned, size_t {
	lua_pushinteger(L, (lua_Integer)$1);
	SWIG_arg++;
}
%typemap(out) uint64_t {
	push_uint64(L, $1);
	SWIG_arg++;
}

/* Out: bytes, handles (nil at the end of a list), numbers. */
%typemap(in, numinputs=0) (uint8_t **out, size_t *out_size)
	(uint8_t *bytes = NULL, size_t size = 0) {
	$1 = &bytes;
	$2 = &size;
}
%typemap(argout) (uint8_t **out, size_t *out_size) {
	if (result == IOTSAFE_OK) {
		lua_pushlstring(L, *$1 ? (const char *)*$1 : "", *$2);
		SWIG_arg++;
	}
}
%typemap(freearg) (uint8_t **out, size_t *out_size) {
	iotsafe_free(*$1);
}

%typemap(in, numinputs=0) SWIGTYPE ** ($*1_ltype made = NULL) {
	$1 = &made;
}
%typemap(argout) SWIGTYPE ** {
	if (result == IOTSAFE_OK) {
		SWIG_NewPointerObj(L, *$1, $*1_descriptor, 1);
		SWIG_arg++;
	}
}

/* Also behind a failure, in the fifth place: some bytes may have gone. */
%typemap(in, numinputs=0) size_t *sent (size_t count = 0) {
	$1 = &count;
}
%typemap(argout) size_t *sent {
	lua_pushinteger(L, (lua_Integer)*$1);
	SWIG_arg++;
}

/* false: the card does not tell, since the PIN was given. */
%typemap(in, numinputs=0) int *tries (int left = -1) {
	$1 = &left;
}
%typemap(argout) int *tries {
	if (result == IOTSAFE_OK) {
		if (*$1 < 0)
			lua_pushboolean(L, 0);
		else
			lua_pushinteger(L, *$1);
		SWIG_arg++;
	}
}

%typemap(in, numinputs=0) (int *fd, int *events, int *timeout)
	(int descriptor = -1, int mask = 0, int wait = -1) {
	$1 = &descriptor;
	$2 = &mask;
	$3 = &wait;
}
%typemap(argout) (int *fd, int *events, int *timeout) {
	if (result == IOTSAFE_OK) {
		lua_pushinteger(L, *$1);
		lua_pushinteger(L, *$2);
		lua_pushinteger(L, *$3);
		SWIG_arg += 3;
	}
}

/* ---- functions that are asked for a PIN ---- */

%{
#include <pthread.h>

/* For the SIM's, and for those of applets. */
static struct asked {
	const char *function, *thread; /* in the registry */
	lua_State *state; /* a coroutine of its own: the caller's is at work */
	pthread_t owner;  /* the only thread that may run it */
} sim_asked = {"iotsafe.pin", "iotsafe.pin.thread", NULL, 0},
  applet_asked = {"iotsafe.applet_pin", "iotsafe.applet_pin.thread", NULL, 0};

/* Calls the function with what was pushed behind it. */
static int take_pin(lua_State *L, int arguments, char *pin, size_t pin_size)
{
	const char *text;
	size_t size = 0;
	int result = -1;

	if (!lua_pcall(L, arguments, 1, 0) && lua_type(L, -1) == LUA_TSTRING) {
		text = lua_tolstring(L, -1, &size);
		if (size < pin_size) {
			memcpy(pin, text, size + 1);
			result = 0;
		}
	}
	lua_settop(L, 0);
	return result;
}

static int ask_for_pin(void *self, const char *iccid, int tries, char *pin,
                       size_t pin_size)
{
	lua_State *L = sim_asked.state;

	(void)self;
	if (!pthread_equal(pthread_self(), sim_asked.owner))
		return -1;
	lua_getfield(L, LUA_REGISTRYINDEX, sim_asked.function);
	lua_pushstring(L, iccid);
	lua_pushinteger(L, tries);
	return take_pin(L, 2, pin, pin_size);
}

static int ask_for_applet_pin(void *self, const char *iccid,
                              const char *applet, int tries, char *pin,
                              size_t pin_size)
{
	lua_State *L = applet_asked.state;

	(void)self;
	if (!pthread_equal(pthread_self(), applet_asked.owner))
		return -1;
	lua_getfield(L, LUA_REGISTRYINDEX, applet_asked.function);
	lua_pushstring(L, iccid);
	lua_pushstring(L, applet);
	lua_pushinteger(L, tries);
	return take_pin(L, 3, pin, pin_size);
}

static int forget_pin(lua_State *L)
{
	(void)L;
	iotsafe_pin_set(NULL, NULL);
	iotsafe_pin_set_applet(NULL, NULL);
	return 0;
}

/* The functions go with their interpreter at the latest. */
static void guard_pin(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, "iotsafe.pin.guard");
	if (!lua_isnil(L, -1))
		return;
	lua_newuserdata(L, 1);
	lua_newtable(L);
	lua_pushcfunction(L, forget_pin);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	lua_setfield(L, LUA_REGISTRYINDEX, "iotsafe.pin.guard");
}

/* False where there is no function to keep. */
static int keep_function(lua_State *L, struct asked *asked)
{
	if (lua_isnoneornil(L, 1))
		return 0;
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_pushvalue(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, asked->function);
	asked->state = lua_newthread(L);
	lua_setfield(L, LUA_REGISTRYINDEX, asked->thread);
	asked->owner = pthread_self();
	guard_pin(L);
	return 1;
}

static int native_pin_set(lua_State *L)
{
	iotsafe_pin_set(NULL, NULL);
	if (keep_function(L, &sim_asked))
		iotsafe_pin_set(ask_for_pin, NULL);
	return 0;
}

static int native_pin_set_applet(lua_State *L)
{
	iotsafe_pin_set_applet(NULL, NULL);
	if (keep_function(L, &applet_asked))
		iotsafe_pin_set_applet(ask_for_applet_pin, NULL);
	return 0;
}
%}
%native(pin_set) int native_pin_set(lua_State *L);
%native(pin_set_applet) int native_pin_set_applet(lua_State *L);
