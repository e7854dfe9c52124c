/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * libiotsafe: the SIM card as the TLS identity of a Linux device.
 *
 * The private key lives in the SIM's applet (GSMA IoT SAFE, document IoT.05;
 * or Twilio's Trust Onboard) and never leaves it. This library finds the key,
 * speaks to the applet through the modem, and gives the key to TLS.
 *
 * How to read this header
 * -----------------------
 * **Result.** Every function that can fail returns IOTSAFE_OK (0) or a
 * negative enum iotsafe_code. The code is for programs; iotsafe_last_error()
 * is a sentence for people; iotsafe_last_status() is the card's status word
 * for bug reports. All three belong to the calling thread.
 *
 * **Bytes in** are `const uint8_t *data, size_t data_size`, borrowed for the
 * call. **Bytes out** are `uint8_t **out, size_t *out_size`: yours, to be
 * released with iotsafe_free(), NULL and 0 on failure.
 *
 * **Objects** (iotsafe_card, iotsafe_key, iotsafe_file, iotsafe_tls and the
 * lists) come through a pointer to a pointer, NULL on failure, and are yours.
 * They may be freed in any order: whoever still needs a card keeps it open.
 * Every free function accepts NULL. A returned `const char *` belongs to the
 * object that gave it.
 *
 * **Names of objects on the card** are written as in RFC 7512 (PKCS#11 URIs):
 * attributes `label=`, `id=` (hexadecimal), `type=` (`private`, `public`,
 * `secret-key`, `cert`, `data`), joined by `;`, with or without `iotsafe:` in
 * front: `iotsafe:label=client;type=private`, `id=0102`; a bare word is a
 * label. NULL or an empty string is the card's identity: the private key that
 * belongs to the certificate on the card. A label with other characters than
 * letters, digits and `-._~` writes them as %XX.
 *
 * **Applets.** A card may hold several: `iotsafe` (GSMA IoT SAFE), `mias` and
 * `mf` (Trust Onboard). A name means an object of the first applet, in this
 * order, that has one; the identity is that of the first applet that has one.
 * `applet=` says which: `iotsafe:applet=mias;label=signing`. Applets behind
 * the first are looked for only when a name is not found there, when all
 * objects are listed, or when `applet=` asks for them.
 *
 * **Threads.** A card serves one operation at a time, in the order of asking;
 * any function on a card may be called from any thread at any time. Different
 * cards are independent. An iotsafe_tls belongs to one thread at a time.
 *
 * **Time.** Every operation has a deadline, in milliseconds from its start:
 * the card's (iotsafe_card_set_timeout()), or the `timeout` given. Nothing
 * waits for ever unless told so with -1.
 *
 * **Processes.** A handle used in a child made by fork() fails with
 * IOTSAFE_ERR_CLOSED and touches nothing; open the card again there. Keys
 * that GnuTLS has by a name like `iotsafe:` are opened again by themselves.
 */
#ifndef IOTSAFE_H
#define IOTSAFE_H

#include <stddef.h>
#include <stdint.h>
#include <iotsafe/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(SWIG)
#define IOTSAFE_API __attribute__((visibility("default")))
#else
#define IOTSAFE_API
#endif

/** The card: a SIM reached over one link. */
typedef struct iotsafe_card iotsafe_card;
/** A private key on a card, with its certificate where it has one. */
typedef struct iotsafe_key iotsafe_key;
/** A file on a card. */
typedef struct iotsafe_file iotsafe_file;
/** A copied record of one object on a card. */
typedef struct iotsafe_object iotsafe_object;
/** An iterator over records. */
typedef struct iotsafe_list iotsafe_list;
/** What is known of a card, as names and values. */
typedef struct iotsafe_info iotsafe_info;
/** A TLS or DTLS session. */
typedef struct iotsafe_tls iotsafe_tls;

/* ------------------------------------------------------------------------
 * Results
 */

/** Results of functions. Numbers never change; new ones are appended. */
enum iotsafe_code {
	IOTSAFE_OK = 0,
	/** The caller passed something invalid. Mend the program. */
	IOTSAFE_ERR_ARG = -1,
	/** No memory. */
	IOTSAFE_ERR_MEMORY = -2,
	/** This build, modem, card or key cannot. Choose another way. */
	IOTSAFE_ERR_SUPPORT = -3,
	/** Port missing or unplugged, system call failed. Look at the cable. */
	IOTSAFE_ERR_IO = -4,
	/** Another program holds the port, or the SIM is busy. Wait or share.
	 */
	IOTSAFE_ERR_BUSY = -5,
	/** The deadline passed. */
	IOTSAFE_ERR_TIMEOUT = -6,
	/** iotsafe_card_cancel() was called. */
	IOTSAFE_ERR_CANCELLED = -7,
	/** The modem answered ERROR or +CME ERROR. Read the text. */
	IOTSAFE_ERR_MODEM = -8,
	/** The card answered a status word other than 9000. */
	IOTSAFE_ERR_CARD = -9,
	/** The card refused because access is not allowed. */
	IOTSAFE_ERR_DENIED = -10,
	/** PIN needed, wrong or blocked. Never repeat blindly. */
	IOTSAFE_ERR_PIN = -11,
	/** No such SIM, applet, key, file or certificate. */
	IOTSAFE_ERR_ABSENT = -12,
	/** Several objects match; the text lists them. Name one. */
	IOTSAFE_ERR_AMBIGUOUS = -13,
	/** An answer could not be understood. Report it. */
	IOTSAFE_ERR_FORMAT = -14,
	/** A signature does not verify, or key and certificate differ. */
	IOTSAFE_ERR_VERIFY = -15,
	/** The peer could not be authenticated. Do not connect. */
	IOTSAFE_ERR_UNTRUSTED = -16,
	/** TLS failed otherwise; GnuTLS's words are in the text. */
	IOTSAFE_ERR_TLS = -17,
	/** The peer, the card or the handle has gone. */
	IOTSAFE_ERR_CLOSED = -18,
	/** Not yet: wait as iotsafe_tls_poll() says, then call again. */
	IOTSAFE_WANT_READ = -32,
	IOTSAFE_WANT_WRITE = -33,
	IOTSAFE_WANT_CARD = -34
};

/** The library's release, for example "0.1.0". Static. */
IOTSAFE_API const char *iotsafe_version(void);

/** The name of a code without its prefix: "ERR_TIMEOUT". Static; "UNKNOWN"
 * for a number that is none. */
IOTSAFE_API const char *iotsafe_error_name(int code);

/** What went wrong last in this thread: one sentence that names the layer,
 * the operation, the object and the card's or modem's own words. At most 511
 * bytes; valid until this thread's next call of the library; "" if nothing
 * has failed. */
IOTSAFE_API const char *iotsafe_last_error(void);

/** The enum iotsafe_code of this thread's last failure. */
IOTSAFE_API int iotsafe_last_code(void);

/** The status word (SW1 SW2) of this thread's last failure, 0 if the card
 * did not cause it. */
IOTSAFE_API unsigned iotsafe_last_status(void);

/** Wipes and releases bytes or a string given by this library. */
IOTSAFE_API void iotsafe_free(void *data);

/* ------------------------------------------------------------------------
 * Trace
 *
 * One line an exchange, with its duration; secrets are masked. Switched on
 * with the environment variable IOTSAFE_TRACE (`apdu`, `at`, `failure`, or
 * `all`; lines go to standard error), or here.
 */

enum iotsafe_trace_what {
	/** A line an APDU: command, status word, sizes, time. */
	IOTSAFE_TRACE_APDU = 1,
	/** A line an AT line, APDUs left out. */
	IOTSAFE_TRACE_AT = 2,
	/** A line a failure that GnuTLS hears as a number, where it was given a
	 * name in the place of a file. */
	IOTSAFE_TRACE_FAILURE = 4
};

/** Receives one line without its newline. Called with no lock held, from
 * whichever thread works on a card. */
typedef void (*iotsafe_trace_func)(void *self, const char *line);

/** Chooses what is traced, for the whole process: bits of enum
 * iotsafe_trace_what, 0 for nothing. `func` NULL writes to standard error. */
IOTSAFE_API void iotsafe_trace_set(unsigned what, iotsafe_trace_func func,
				   void *self);

/* ------------------------------------------------------------------------
 * PIN
 *
 * Sent only when the card or the modem asks for it, to the card it is for (by
 * its ICCID), never when fewer than two tries are left, and never again once
 * one was refused in this process. It comes from the file or the variable that
 * the address names (`pin-file=`, `pin-env=`), else from a function.
 */

/**
 * Asked for a PIN. Called in whichever thread works on the card, which waits.
 * It must not call the library.
 *
 * @param iccid the card's number
 * @param tries how many tries are left, 2 or more
 * @param pin room for the answer: four to eight digits and a NUL
 * @return IOTSAFE_OK, or any negative number: there is none
 */
typedef int (*iotsafe_pin_func)(void *self, const char *iccid, int tries,
				char *pin, size_t pin_size);

/** Gives the function, for the whole process; NULL takes it away. */
IOTSAFE_API void iotsafe_pin_set(iotsafe_pin_func func, void *self);

/**
 * The same for the PIN of an applet, which is another one than the SIM's: that
 * of Trust Onboard's applets "mias" and "mf". A line of a file or a variable
 * has ` applet=mias` between the ICCID and such a PIN.
 *
 * @param applet "mias" or "mf"
 * @param tries -1 where the card does not tell, and the address has
 *        `pin-blind=yes`
 * @param pin room for the answer: four to eight characters of ASCII and a NUL
 */
typedef int (*iotsafe_applet_pin_func)(void *self, const char *iccid,
				       const char *applet, int tries, char *pin,
				       size_t pin_size);
IOTSAFE_API void iotsafe_pin_set_applet(iotsafe_applet_pin_func func,
					void *self);

/* ------------------------------------------------------------------------
 * Cards
 */

/**
 * Opens the card at `address`, or counts one more user of it if this process
 * has it open already. Opens the link, a logical channel and selects the
 * applet, so a card that cannot serve fails here.
 *
 * @param address how to reach the card; NULL takes the environment variable
 *        IOTSAFE_CARD. Attributes follow `?`, joined by `&`.
 *        `at:/dev/ttyUSB2?baud=115200` AT commands over a port;
 *        `sim:PROFILE?quirk=NAME` the bundled software SIM;
 *        `unix:/run/modem.sock` AT over a Unix socket;
 *        `exec:COMMAND ARG…` AT over a child's standard input and output;
 *        `pcsc:READER` a card reader, by its name, its number or nothing;
 *        `qmi:/dev/cdc-wdm0`, `mbim:/dev/cdc-wdm0` a modem beside
 *        ModemManager.
 *        Attributes of every address: `timeout=` milliseconds of one
 *        operation (10000), `timeout-generate=` of making a key pair (60000),
 *        `aid=` hexadecimal AID to select, several joined
 *        by `,`, instead of the known ones; `class=`, `le=`, `piece=`,
 *        `session=`, `close=`, `signature-length=` and `list=` say what would
 *        be found out about the card otherwise; `ahead=no` has no signature
 *        begun before it is wanted.
 *        docs/addresses.md has them all.
 * @return IOTSAFE_ERR_IO (no such port), _BUSY, _TIMEOUT (nothing answers),
 *         _MODEM, _ABSENT (no SIM, or no applet on it), _ARG (address).
 */
IOTSAFE_API int iotsafe_card_open(const char *address, iotsafe_card **card);

/**
 * A way to a card that the application brings. Begins with its size.
 */
typedef struct iotsafe_link {
	/** sizeof(struct iotsafe_link) */
	size_t size;
	/** Handed to both functions. */
	void *self;
	/**
	 * Sends one command APDU (4 to 261 bytes, logical channel in its
	 * class byte) and receives the answer with its status word at the end.
	 *
	 * @param response room for the answer
	 * @param response_size in: the room (at least 258); out: the answer's
	 *        size, 2 or more
	 * @param deadline when to give up, CLOCK_MONOTONIC in milliseconds
	 * @return IOTSAFE_OK, or IOTSAFE_ERR_IO, _BUSY, _TIMEOUT, _MODEM,
	 *         _ABSENT (no card) or _CLOSED
	 */
	int (*exchange)(void *self, const uint8_t *command, size_t command_size,
			uint8_t *response, size_t *response_size,
			int64_t deadline);
	/** Called once, when the last user of the card is gone. May be NULL. */
	void (*close)(void *self);
} iotsafe_link;

/**
 * Opens a card over the application's own link. Never shared: each call
 * gives a card of its own. The link is copied; `self` must live until
 * `close` is called, which happens also when this call fails after its
 * arguments were found valid.
 *
 * @param attributes as behind the `?` of an address, or NULL
 */
IOTSAFE_API int iotsafe_card_open_link(const iotsafe_link *link,
				       const char *attributes,
				       iotsafe_card **card);

/** Gives up one use of the card; the last one closes channel and link. */
IOTSAFE_API void iotsafe_card_free(iotsafe_card *card);

/** Ends every operation that is under way or queued on this card, from any
 * thread, with IOTSAFE_ERR_CANCELLED. Operations begun later are not
 * touched. */
IOTSAFE_API int iotsafe_card_cancel(iotsafe_card *card);

/** Sets the limit of one operation, in milliseconds (100 to 600000); of making
 * a key pair too, unless the address has `timeout-generate=`. */
IOTSAFE_API int iotsafe_card_set_timeout(iotsafe_card *card, int milliseconds);

/** The canonical address: the same string for the same card, with whole paths.
 */
IOTSAFE_API const char *iotsafe_card_address(const iotsafe_card *card);

/** The number of the SIM or eSIM profile (EF_ICCID): 18 to 20 digits, "" if it
 * cannot be read. It is the same for the life of the handle: where another card
 * is found in its place, every call with the handle fails with
 * IOTSAFE_ERR_CLOSED and a sentence that has both numbers, until the card is
 * opened anew. Valid until the card is freed. */
IOTSAFE_API const char *iotsafe_card_iccid(const iotsafe_card *card);

/**
 * What is known of the card: link, applet, AID, channel, the applet's
 * application information (IoT.05 clause 2.12), and what was found out about
 * its manners. For people and bug reports.
 */
IOTSAFE_API int iotsafe_card_info(iotsafe_card *card, iotsafe_info **info);
IOTSAFE_API size_t iotsafe_info_count(const iotsafe_info *info);
/** The i-th name, such as "aid", or NULL past the end. */
IOTSAFE_API const char *iotsafe_info_name(const iotsafe_info *info,
					  size_t index);
IOTSAFE_API const char *iotsafe_info_value(const iotsafe_info *info,
					   size_t index);
IOTSAFE_API void iotsafe_info_free(iotsafe_info *info);

/**
 * How often the PIN of an applet may still be wrong. Costs no try.
 *
 * @param applet "mias" or "mf"; NULL: the applet of the identity
 * @param tries -1 where the card does not tell: with IOTSAFE_OK because the PIN
 *        was given already
 * @return IOTSAFE_ERR_SUPPORT where the card never tells, or the applet has no
 *         PIN; IOTSAFE_ERR_ABSENT where the card has no such applet
 */
IOTSAFE_API int iotsafe_card_pin_tries(iotsafe_card *card, const char *applet,
				       int *tries);

/**
 * Sends the PIN of an applet, once, whatever number of tries is left, unless
 * that is none. It holds until the applet's channel is closed: as long as the
 * card is open, but with `share=yes` no longer than this call; `pin-file=` and
 * `pin-env=` serve there.
 *
 * @param pin four to eight characters of ASCII; others are IOTSAFE_ERR_ARG and
 *        nothing is sent
 * @return IOTSAFE_ERR_PIN: it was wrong, or is blocked; the text has how many
 *         tries are left
 */
IOTSAFE_API int iotsafe_card_pin_verify(iotsafe_card *card, const char *applet,
					const char *pin);

/** Gives an applet another PIN (CHANGE REFERENCE DATA); a wrong old one costs
 * a try. Both as for iotsafe_card_pin_verify(). */
IOTSAFE_API int iotsafe_card_pin_change(iotsafe_card *card, const char *applet,
					const char *old_pin,
					const char *new_pin);

/** Random bytes from the card (GET RANDOM). @param size 1 to 65536 */
IOTSAFE_API int iotsafe_card_random(iotsafe_card *card, size_t size,
				    uint8_t **out, size_t *out_size);

/**
 * Sends one command APDU on the applet's channel: the channel is put into
 * the class byte, 61xx and 6Cxx are followed. For experts.
 *
 * @param data the command, 4 to 261 bytes, channel bits 0
 * @param out the answer with its status word, whatever that is
 */
IOTSAFE_API int iotsafe_card_transact(iotsafe_card *card, const uint8_t *data,
				      size_t data_size, uint8_t **out,
				      size_t *out_size);

/** The public key of a public-key object, as a DER SubjectPublicKeyInfo
 * (RFC 5280). @param name NULL: the identity's key */
IOTSAFE_API int iotsafe_card_public_key(iotsafe_card *card, const char *name,
					uint8_t **out, size_t *out_size);

enum iotsafe_counter {
	/** APDUs sent; each with its answer is one exchange. */
	IOTSAFE_EXCHANGES = 0,
	/** Bytes sent on the link and received from it (AT: characters). */
	IOTSAFE_BYTES_SENT = 1,
	IOTSAFE_BYTES_RECEIVED = 2,
	/** Signatures made by the card. */
	IOTSAFE_SIGNATURES = 3,
	/** Microseconds spent waiting for the link. */
	IOTSAFE_LINK_TIME = 4
};

/** A counter of the card since it was opened; 0 for an unknown one. */
IOTSAFE_API uint64_t iotsafe_card_counter(iotsafe_card *card, int counter);

/* ------------------------------------------------------------------------
 * Objects on the card
 */

enum iotsafe_class {
	IOTSAFE_CLASS_PRIVATE_KEY = 1,
	IOTSAFE_CLASS_PUBLIC_KEY = 2,
	IOTSAFE_CLASS_FILE = 3,
	IOTSAFE_CLASS_SECRET_KEY = 4
};

enum iotsafe_object_flag {
	/** Activated; otherwise empty or only partly filled. */
	IOTSAFE_OBJECT_ACTIVE = 0x01,
	IOTSAFE_OBJECT_READABLE = 0x02,
	IOTSAFE_OBJECT_UPDATABLE = 0x04,
	/** A key that does not survive a reset. */
	IOTSAFE_OBJECT_VOLATILE = 0x08,
	/** A file that holds an X.509 certificate. */
	IOTSAFE_OBJECT_CERTIFICATE = 0x10,
	/** A private key whose bytes can be read: it signs on the host. */
	IOTSAFE_OBJECT_SOFTWARE = 0x20,
	/** What a key may do. */
	IOTSAFE_OBJECT_SIGN = 0x100,
	IOTSAFE_OBJECT_GENERATE = 0x200,
	IOTSAFE_OBJECT_AGREE = 0x400,
	IOTSAFE_OBJECT_DERIVE = 0x800,
	IOTSAFE_OBJECT_DECRYPT = 0x1000
};

/** Signature algorithms, as bits. */
enum iotsafe_algorithm {
	IOTSAFE_ECDSA_SHA256 = 0x001,
	IOTSAFE_ECDSA_SHA384 = 0x002,
	IOTSAFE_ECDSA_SHA512 = 0x004,
	IOTSAFE_RSA_PKCS1_SHA256 = 0x010,
	IOTSAFE_RSA_PKCS1_SHA384 = 0x020,
	IOTSAFE_RSA_PKCS1_SHA512 = 0x040,
	IOTSAFE_RSA_PSS_SHA256 = 0x100,
	IOTSAFE_RSA_PSS_SHA384 = 0x200,
	IOTSAFE_RSA_PSS_SHA512 = 0x400,
	/** Of a secret key (NIST SP 800-38B); a vendor's addition (Thales). */
	IOTSAFE_AES_CMAC = 0x1000,
	/** Of Trust Onboard's keys: for old peers alone. */
	IOTSAFE_RSA_PKCS1_SHA1 = 0x2000,
	IOTSAFE_RSA_PKCS1_SHA224 = 0x4000,
	/** Whatever the key can do with this hash. */
	IOTSAFE_SHA256 = 0x111,
	IOTSAFE_SHA384 = 0x222,
	IOTSAFE_SHA512 = 0x444
};

/** "ecdsa-sha256" for one bit of enum iotsafe_algorithm, "sha256" for a
 * hash; NULL for anything else. Static. */
IOTSAFE_API const char *iotsafe_algorithm_name(int algorithm);

/** The opposite; 0 for an unknown name. */
IOTSAFE_API int iotsafe_algorithm_from_name(const char *name);

/**
 * Lists the objects on the card that match `name`; NULL or "" lists all.
 * The list is read from the card once and kept.
 */
IOTSAFE_API int iotsafe_card_list(iotsafe_card *card, const char *name,
				  iotsafe_list **list);

/** Gives a copy of the next record, yours; NULL (and IOTSAFE_OK) at the end.
 */
IOTSAFE_API int iotsafe_list_next(iotsafe_list *list, iotsafe_object **object);
IOTSAFE_API void iotsafe_list_free(iotsafe_list *list);

/** The applet that holds the object: "iotsafe", "mias" or "mf". */
IOTSAFE_API const char *iotsafe_object_applet(const iotsafe_object *object);
/** enum iotsafe_class */
IOTSAFE_API int iotsafe_object_class(const iotsafe_object *object);
/** The id, 1 to 20 bytes, any value; none (size 0) where the card gives
 * none. */
IOTSAFE_API int iotsafe_object_id(const iotsafe_object *object, uint8_t **out,
				  size_t *out_size);
/** The label, 0 to 60 bytes as on the card: mostly text, not always. */
IOTSAFE_API int iotsafe_object_label(const iotsafe_object *object,
				     uint8_t **out, size_t *out_size);
/** Bits of enum iotsafe_object_flag. */
IOTSAFE_API int iotsafe_object_flags(const iotsafe_object *object);
/** "P-256", "brainpoolP256r1", "RSA-2048", "HMAC", …; "" for a file;
 * "unknown 43" (hexadecimal) for a type nobody has told us. */
IOTSAFE_API const char *iotsafe_object_key_type(const iotsafe_object *object);
/** Bits of enum iotsafe_algorithm that the key can sign or verify with. */
IOTSAFE_API int iotsafe_object_algorithms(const iotsafe_object *object);
/** A file's size in bytes as the card's list tells, 0 for the rest. */
IOTSAFE_API size_t iotsafe_object_size(const iotsafe_object *object);
/** A name that finds just this object: "iotsafe:id=01;type=private", with
 * ";applet=mias" behind it where it is in another applet than IoT SAFE's. */
IOTSAFE_API const char *iotsafe_object_name(const iotsafe_object *object);
IOTSAFE_API void iotsafe_object_free(iotsafe_object *object);

/* ------------------------------------------------------------------------
 * Keys
 */

/**
 * Finds a private key: by name, or the identity (NULL). No signature is made.
 *
 * The identity is found by matching the certificates on the card with its
 * public keys, and those with its private keys. If more than one remains the
 * error lists them.
 *
 * @return IOTSAFE_ERR_ABSENT, IOTSAFE_ERR_AMBIGUOUS, or the card's failure
 */
IOTSAFE_API int iotsafe_key_open(iotsafe_card *card, const char *name,
				 iotsafe_key **key);
IOTSAFE_API void iotsafe_key_free(iotsafe_key *key);

/** The key's record: with `cache=` in the address as it was when it was last
 * read, see iotsafe_key_public_key() for who wants to know. */
IOTSAFE_API int iotsafe_key_object(iotsafe_key *key, iotsafe_object **object);

/**
 * Signs a hash on the card, and verifies the result wherever the public key
 * is known.
 *
 * @param algorithm bits of enum iotsafe_algorithm: the first that the key
 *        has is used; IOTSAFE_SHA256 leaves the kind to the key
 * @param data the hash: 32, 48 or 64 bytes, as the algorithm says
 * @param out ECDSA: r and s, 32 bytes each, big-endian; RSA: the block
 * @return IOTSAFE_ERR_SUPPORT if the key has none of the algorithms,
 *         IOTSAFE_ERR_VERIFY if the signature is not by this key
 */
IOTSAFE_API int iotsafe_key_sign(iotsafe_key *key, int algorithm,
				 const uint8_t *data, size_t data_size,
				 uint8_t **out, size_t *out_size);

/**
 * Begins a signature before it is known over what: sends COMPUTE SIGNATURE
 * INIT, which the next iotsafe_key_sign() finds done, from whatever handle of
 * this card it comes, if it is of the same key and algorithm: the one that was
 * signed with last, else the key's first with SHA-256. Whatever else is said to
 * the card before undoes it. For the time in which a peer is waited for, as
 * around gnutls_handshake(); sessions of iotsafe_tls do it by themselves.
 * Blocks for that command, and the first time until the public key is read.
 *
 * It is an attempt: what the card refuses here is no failure, is not recorded,
 * and is found again by who signs. No PIN is sent for it. Never over a port
 * that is shared nor a basic channel, never for a key that signs here or of
 * Trust Onboard, nor where the address says `ahead=no`.
 *
 * @return 1 if a signature has been begun, 0 if not; IOTSAFE_ERR_ARG,
 *         IOTSAFE_ERR_CANCELLED
 */
IOTSAFE_API int iotsafe_key_prepare(iotsafe_key *key);

/** Who hashes what is signed (IoT.05 clause 2.5.14, "mode of operation"). */
enum iotsafe_mode {
	/** The card, all of it: as many commands as the text needs. */
	IOTSAFE_MODE_FULL_TEXT = 1,
	/** The host all blocks but the last, the card the last one. */
	IOTSAFE_MODE_LAST_BLOCK = 2,
	/** The host; the card pads and signs. The cheapest, and what every
	 * card can. */
	IOTSAFE_MODE_HOST = 3
};

/**
 * Signs data of any size: iotsafe_key_sign() for callers who have no hash.
 *
 * @param mode enum iotsafe_mode; 0 is IOTSAFE_MODE_HOST
 * @param data_size 0 to 16777215 (IoT.05: three bytes of length)
 * @return IOTSAFE_ERR_SUPPORT also where the card does not know the mode
 */
IOTSAFE_API int iotsafe_key_sign_data(iotsafe_key *key, int algorithm, int mode,
				      const uint8_t *data, size_t data_size,
				      uint8_t **out, size_t *out_size);

/** Turns r‖s (two equal halves, 2 to 132 bytes) into the DER sequence
 * ECDSA-Sig-Value of RFC 3279. */
IOTSAFE_API int iotsafe_signature_to_der(const uint8_t *data, size_t data_size,
					 uint8_t **out, size_t *out_size);

/** The opposite: DER becomes r‖s, each half `size` bytes (32 for the curves
 * of IoT SAFE). */
IOTSAFE_API int iotsafe_signature_from_der(const uint8_t *data,
					   size_t data_size, size_t size,
					   uint8_t **out, size_t *out_size);

/** The public key as DER SubjectPublicKeyInfo, as the card has it: never out of
 * a cache (`cache=`). IOTSAFE_ERR_ABSENT if neither the card nor a certificate
 * tells it. */
IOTSAFE_API int iotsafe_key_public_key(iotsafe_key *key, uint8_t **out,
				       size_t *out_size);

/**
 * The key's certificate chain, as DER. Index 0 is the key's own certificate,
 * the following ones each issue the one before as far as the card holds them
 * (a self-signed root is left out), never out of a cache (`cache=`).
 * IOTSAFE_ERR_ABSENT past the end.
 */
IOTSAFE_API int iotsafe_key_certificate(iotsafe_key *key, unsigned index,
					uint8_t **out, size_t *out_size);

/**
 * Uses this certificate (DER or PEM, its chain behind it) instead of the
 * one on the card. @return IOTSAFE_ERR_VERIFY if it is of another key
 */
IOTSAFE_API int iotsafe_key_set_certificate(iotsafe_key *key,
					    const uint8_t *data,
					    size_t data_size);

/**
 * Completes the key's chain with CA certificates of a file (PEM or DER), or of
 * the files of a directory, as far as they really issued (by signature) what
 * is there. A root is not added. Times are not looked at.
 *
 * @return IOTSAFE_ERR_ABSENT where an issuer is missing: the chain has what
 *         was found
 */
IOTSAFE_API int iotsafe_key_complete_chain(iotsafe_key *key, const char *path);

/**
 * RSA decryption with PKCS#1 v1.5 padding (RFC 8017 7.2), on the card, or here
 * with a key that is IOTSAFE_OBJECT_SOFTWARE.
 *
 * @param data as many bytes as the modulus has @param out a secret;
 *        iotsafe_free() wipes it
 * @return IOTSAFE_ERR_SUPPORT if the key does not decrypt, IOTSAFE_ERR_ARG if
 * `data` is not as long as the key
 */
IOTSAFE_API int iotsafe_key_decrypt(iotsafe_key *key, const uint8_t *data,
				    size_t data_size, uint8_t **out,
				    size_t *out_size);

/**
 * The private key itself, where it is IOTSAFE_OBJECT_SOFTWARE: DER of PKCS #1
 * RSAPrivateKey (RFC 8017 A.1.2), or RFC 5915 ECPrivateKey. A secret:
 * iotsafe_free() wipes it. @return IOTSAFE_ERR_DENIED: it cannot leave the card
 */
IOTSAFE_API int iotsafe_key_export(iotsafe_key *key, uint8_t **out,
				   size_t *out_size);

/** 1 if signatures of this key are verified before they are given out, else
 * 0: the public key is unknown, or GnuTLS lacks its curve. */
IOTSAFE_API int iotsafe_key_verifies(iotsafe_key *key);

/**
 * Makes a new key pair on the card (GENERATE KEY PAIR) in a slot that allows
 * it; the former key is lost. Cards take seconds. The slot's ids may change:
 * the handle has those of the card's answer.
 *
 * Handles of the former key fail with IOTSAFE_ERR_ABSENT from then on.
 *
 * @param name the private key's slot; NULL: the only one that can generate
 * @return IOTSAFE_ERR_SUPPORT if the slot does not allow it
 */
IOTSAFE_API int iotsafe_key_generate(iotsafe_card *card, const char *name,
				     iotsafe_key **key);

/**
 * Key agreement on the card (COMPUTE DH, ECKA-DH of BSI TR-03111): the x
 * coordinate of the shared point, 32 bytes, not hashed.
 *
 * @param name the public-key object of the card that holds the peer's key;
 *        NULL: the only one of this key's curve that can be written and is
 *        not the other half of a pair
 * @param data the peer's key as DER SubjectPublicKeyInfo, put into that
 *        object first; NULL: the key that is in it
 * @param out a secret; iotsafe_free() wipes it
 */
IOTSAFE_API int iotsafe_key_agree(iotsafe_key *key, const char *name,
				  const uint8_t *data, size_t data_size,
				  uint8_t **out, size_t *out_size);

/* ------------------------------------------------------------------------
 * The card's other work: checking, deriving, keeping public keys
 *
 * What comes out of agreement and derivation is a secret: iotsafe_free()
 * wipes it, traces mask it.
 */

/** Puts a public key (DER SubjectPublicKeyInfo of P-256 or brainpoolP256r1)
 * into a public-key object of the card, and reads it back where that may be
 * read. @param name NULL: the only one that can be written and is not the other
 * half of a pair @return IOTSAFE_ERR_DENIED where the object is not updatable,
 * IOTSAFE_ERR_VERIFY where it holds another key afterwards */
IOTSAFE_API int iotsafe_card_put_public_key(iotsafe_card *card,
					    const char *name,
					    const uint8_t *data,
					    size_t data_size);

/**
 * Verifies a signature over a hash on the card (VERIFY SIGNATURE).
 *
 * @param name the public-key object to verify with; NULL: the only one that
 *        can
 * @param algorithm bits of enum iotsafe_algorithm, as for iotsafe_key_sign()
 * @param data the hash
 * @param signature r‖s, or the RSA block
 * @return IOTSAFE_OK: it is this key's signature; IOTSAFE_ERR_VERIFY: it is
 *         not; anything else: not known. IOTSAFE_ERR_SUPPORT for RSA: its
 *         signatures do not fit a command
 */
IOTSAFE_API int iotsafe_card_verify(iotsafe_card *card, const char *name,
				    int algorithm, const uint8_t *data,
				    size_t data_size, const uint8_t *signature,
				    size_t signature_size);

/** The same over data, as iotsafe_key_sign_data() signs it. */
IOTSAFE_API int iotsafe_card_verify_data(iotsafe_card *card, const char *name,
					 int algorithm, int mode,
					 const uint8_t *data, size_t data_size,
					 const uint8_t *signature,
					 size_t signature_size);

/** AES-128 CMAC of data by a secret key of the card: 16 bytes. @param name
 * NULL: the only one that can */
IOTSAFE_API int iotsafe_card_mac(iotsafe_card *card, const char *name,
				 const uint8_t *data, size_t data_size,
				 uint8_t **out, size_t *out_size);

/**
 * The pseudo-random function of TLS 1.2 with SHA-256 (RFC 5246 section 5),
 * computed by the card (COMPUTE PRF).
 *
 * @param name the secret key of the card; NULL: `secret` is the secret (mode
 *        0). With a name and no `secret` the secret key is a pre-shared key
 *        (mode 1); with both, `secret` is the premaster secret of an ECDHE
 *        that goes with it (mode 2).
 * @param label ASCII, before the seed @param data the seed
 * @param size bytes wanted, 1 to 255
 * @return IOTSAFE_ERR_VERIFY if mode 0 gave something else than this host
 *         computes
 */
IOTSAFE_API int iotsafe_card_prf(iotsafe_card *card, const char *name,
				 const uint8_t *secret, size_t secret_size,
				 const char *label, const uint8_t *data,
				 size_t data_size, size_t size, uint8_t **out,
				 size_t *out_size);

/**
 * HKDF-Extract (RFC 5869) by the card (COMPUTE HKDF): a pseudo-random key of
 * the hash's size. Empty salt and keying material go to the card as zeros,
 * which RFC 5869 makes the same.
 *
 * @param algorithm IOTSAFE_SHA256, _SHA384 or _SHA512
 * @param secret the input keying material @param data the salt
 */
IOTSAFE_API int iotsafe_card_hkdf_extract(iotsafe_card *card, int algorithm,
					  const uint8_t *secret,
					  size_t secret_size,
					  const uint8_t *data, size_t data_size,
					  uint8_t **out, size_t *out_size);

/** HKDF-Expand (RFC 5869), computed by this host: no card shows a command for
 * it. @param secret the pseudo-random key @param data the info
 * @param size 1 to 255 times the hash's size */
IOTSAFE_API int iotsafe_hkdf_expand(int algorithm, const uint8_t *secret,
				    size_t secret_size, const uint8_t *data,
				    size_t data_size, size_t size,
				    uint8_t **out, size_t *out_size);

/**
 * A key of this card and this context, for both ends of TLS-PSK: 32 bytes,
 * PRF(secret key, "iotsafe psk", SHA-256(identity) ‖ SHA-256(context)) in mode
 * 1. Whoever has the secret key's bytes computes the same;
 * docs/psk.md shows how. The secret key stays on the card; what comes out is
 * good for this identity and context alone.
 *
 * @param name NULL: the only secret key that derives
 * @param identity the PSK identity, text @param data the context, or NULL
 */
IOTSAFE_API int iotsafe_card_psk(iotsafe_card *card, const char *name,
				 const char *identity, const uint8_t *data,
				 size_t data_size, uint8_t **out,
				 size_t *out_size);

/* ------------------------------------------------------------------------
 * Certificates, without a card
 */

enum iotsafe_verify_flag {
	/** CA certificates that have expired are taken all the same; that of
	 * the device has to be valid. */
	IOTSAFE_VERIFY_IGNORE_CA_EXPIRY = 1
};

/**
 * Verifies a certificate against CA certificates of a file (PEM or DER), or of
 * the files of a directory: signatures, who may issue, times. A root has to be
 * among them.
 *
 * @param data the certificate (DER), or PEM with more of its chain behind it
 * @param at_time seconds since 1970 (UTC) at which it has to be valid; -1: now
 * @param flags bits of enum iotsafe_verify_flag
 * @return IOTSAFE_ERR_UNTRUSTED with the reason
 */
IOTSAFE_API int iotsafe_certificate_verify(const uint8_t *data,
					   size_t data_size, const char *path,
					   int64_t at_time, unsigned flags);

/* ------------------------------------------------------------------------
 * What card keys make outside TLS
 */

/**
 * A certificate signing request (PKCS #10, RFC 2986), signed by the card:
 * DER.
 *
 * @param subject a distinguished name by RFC 4514: "CN=device-7,O=Example"
 * @param names subjectAltName: "dns:a.example,ip:192.0.2.7,email:a@b.example,
 *        uri:urn:dev:7", joined by `,`; NULL for none
 * @param usages "digitalSignature", "keyAgreement", "keyEncipherment",
 *        "clientAuth", "serverAuth", "codeSigning", "emailProtection" or OIDs,
 *        joined by `,`; NULL: "digitalSignature,clientAuth"
 */
IOTSAFE_API int iotsafe_key_csr(iotsafe_key *key, const char *subject,
				const char *names, const char *usages,
				uint8_t **out, size_t *out_size);

/**
 * A JWS in compact form (RFC 7515), signed by the card: ES256, or PS256 or
 * RS256 for an RSA key. With type "JWT" and JSON claims it is a JWT
 * (RFC 7519).
 *
 * @param type the header's "typ", NULL for none
 * @param kid the header's "kid", NULL for none
 * @param data the payload @param out ASCII, a null byte behind it
 */
IOTSAFE_API int iotsafe_key_jws(iotsafe_key *key, const char *type,
				const char *kid, const uint8_t *data,
				size_t data_size, uint8_t **out,
				size_t *out_size);

/** Protects small messages without TLS; see docs/seal.md. */
typedef struct iotsafe_seal iotsafe_seal;

enum iotsafe_seal_option {
	/** This end is the server: the keys of the two directions change
	 * places. */
	IOTSAFE_SEAL_SERVER = 1,
	/** The first use of this secret: makes the state file, which must not
	 * be there. Without it the file must be there: a counter that began
	 * anew would give the messages away. */
	IOTSAFE_SEAL_CREATE = 2
};

/**
 * Message protection with a secret that both ends have: each message is a
 * COSE_Encrypt0 (RFC 9052) with AES-256-GCM, `kid` and Partial IV. The keys
 * come from `secret` by HKDF-SHA256, one for each direction. No card I/O:
 * the secret is what iotsafe_key_agree() or iotsafe_card_prf() gave.
 *
 * @param secret 16 to 1024 bytes, copied, wiped by iotsafe_seal_free()
 * @param data the key id: 1 to 64 bytes, part of every message
 * @param state a file (mode 0600) that keeps the counters: numbers are
 *        reserved there before they are used, so that none is used twice,
 *        whatever happens. Another file for every secret. One process at a
 *        time: IOTSAFE_ERR_BUSY.
 * @param options bits of enum iotsafe_seal_option
 * @return IOTSAFE_ERR_ABSENT, _FORMAT or _VERIFY: the state file is lost,
 *         damaged, or of another secret, key id or end
 */
IOTSAFE_API int iotsafe_seal_new(const uint8_t *secret, size_t secret_size,
				 const uint8_t *data, size_t data_size,
				 const char *state, unsigned options,
				 iotsafe_seal **seal);
IOTSAFE_API void iotsafe_seal_free(iotsafe_seal *seal);

/** Encrypts one message of at most 65536 bytes; 2^32 messages a secret and
 * direction. @param extra authenticated with it and not sent (external_aad),
 * or NULL */
IOTSAFE_API int iotsafe_seal_encrypt(iotsafe_seal *seal, const uint8_t *data,
				     size_t data_size, const uint8_t *extra,
				     size_t extra_size, uint8_t **out,
				     size_t *out_size);

/** Decrypts one message. @return IOTSAFE_ERR_VERIFY: not from the other end,
 * or changed, or seen before, or older than the 64 newest; _FORMAT: no sealed
 * message at all */
IOTSAFE_API int iotsafe_seal_decrypt(iotsafe_seal *seal, const uint8_t *data,
				     size_t data_size, const uint8_t *extra,
				     size_t extra_size, uint8_t **out,
				     size_t *out_size);

/* ------------------------------------------------------------------------
 * Files
 */

/** Finds a file (certificates are files too) by name. Reads nothing. */
IOTSAFE_API int iotsafe_file_open(iotsafe_card *card, const char *name,
				  iotsafe_file **file);
IOTSAFE_API void iotsafe_file_free(iotsafe_file *file);
IOTSAFE_API int iotsafe_file_object(iotsafe_file *file,
				    iotsafe_object **object);

/** The whole file, at most 65535 bytes. Read anew at each call; behind
 * iotsafe_file_read_start() only what that left. */
IOTSAFE_API int iotsafe_file_read(iotsafe_file *file, uint8_t **out,
				  size_t *out_size);

/** The beginning of a certificate, as one command brings it, for those who see
 * by it whether they want the rest. All of it where that is no more, and of
 * files that are read otherwise. */
IOTSAFE_API int iotsafe_file_read_start(iotsafe_file *file, uint8_t **out,
					size_t *out_size);

/* ------------------------------------------------------------------------
 * TLS for programs that do not use GnuTLS themselves
 *
 * new, setters, handshake, send and receive, close, free. The descriptor is
 * yours: the library never closes it. Programs that use GnuTLS take
 * iotsafe/gnutls.h instead.
 *
 * Timeouts are milliseconds: -1 waits for ever, 0 does not wait: the call
 * returns a WANT code, iotsafe_tls_poll() names the descriptor to wait for,
 * and the same call is made again. The descriptor may be blocking or not.
 */

enum iotsafe_tls_option {
	/** DTLS 1.2 over a connected datagram socket. */
	IOTSAFE_TLS_DATAGRAM = 1
};

/**
 * A client session with the card's identity. No card I/O here.
 *
 * @param card NULL: a session without client certificate
 * @param options bits of enum iotsafe_tls_option
 */
IOTSAFE_API int iotsafe_tls_new(iotsafe_card *card, unsigned options,
				iotsafe_tls **tls);

/** Frees the session; does not say good-bye (iotsafe_tls_close() does). */
IOTSAFE_API void iotsafe_tls_free(iotsafe_tls *tls);

/* Setters, before the handshake. IOTSAFE_ERR_ARG afterwards. */

/** Which private key: a name, NULL for the identity. */
IOTSAFE_API int iotsafe_tls_set_key(iotsafe_tls *tls, const char *name);

/** Which certificate: a name on the card, or a PEM or DER file if it begins
 * with `/` or `./`; NULL for the one that belongs to the key. */
IOTSAFE_API int iotsafe_tls_set_certificate(iotsafe_tls *tls, const char *name);

/** Which certificate: these bytes (DER or PEM, its chain behind it). A chain
 * that iotsafe_key_complete_chain() has completed is used so: what
 * iotsafe_key_certificate() gives of it, one behind the other. */
IOTSAFE_API int iotsafe_tls_set_certificate_data(iotsafe_tls *tls,
						 const uint8_t *data,
						 size_t data_size);

/** The server's name for SNI and for the check of its certificate: a DNS
 * name or an IP address (checked, never sent). NULL: any name is taken, the
 * chain is still checked. Must be set, one way or the other. */
IOTSAFE_API int iotsafe_tls_set_server_name(iotsafe_tls *tls, const char *name);

/** Trusts the CA certificates of a PEM file. May be called several times. If
 * no call says whom to trust, the system's CAs are trusted. */
IOTSAFE_API int iotsafe_tls_set_ca_file(iotsafe_tls *tls, const char *path);

/** Trusts CA certificates given as PEM or DER. */
IOTSAFE_API int iotsafe_tls_set_ca_data(iotsafe_tls *tls, const uint8_t *data,
					size_t data_size);

/** Trusts the CA certificate in a file of the card; NULL: every CA
 * certificate on the card that is signed by itself. */
IOTSAFE_API int iotsafe_tls_set_ca_card(iotsafe_tls *tls, const char *name);

/**
 * The server is authenticated by the card: the signature of the CA in the
 * topmost of its certificates that this CA made is verified on the card with
 * this public-key object; names, times and purposes are checked here. Instead
 * of CA certificates. NULL: back to those.
 */
IOTSAFE_API int iotsafe_tls_set_ca_key(iotsafe_tls *tls, const char *name);

/**
 * The server is authenticated by its public key, which must be this one: DER
 * SubjectPublicKeyInfo. Several calls allow several keys. Names, times and
 * issuers are not looked at. A raw public key (RFC 7250) is accepted in the
 * certificate's place.
 */
IOTSAFE_API int iotsafe_tls_set_pin(iotsafe_tls *tls, const uint8_t *data,
				    size_t data_size);

/** The same with the key in a public-key object of the card. */
IOTSAFE_API int iotsafe_tls_set_pin_card(iotsafe_tls *tls, const char *name);

/** 1: our side shows the card's public key alone (RFC 7250), no certificate.
 */
IOTSAFE_API int iotsafe_tls_set_raw_key(iotsafe_tls *tls, int raw);

enum iotsafe_psk {
	/** iotsafe_card_psk() gives the key; any version, any PSK cipher
	 * suite. The host holds a key that is good for this identity and
	 * context until they change. */
	IOTSAFE_PSK_DERIVED = 0,
	/** The card computes each session's master secret (COMPUTE PRF); the
	 * host never holds more than that. TLS 1.2 and DTLS 1.2, plain PSK. */
	IOTSAFE_PSK_CARD = 1
};

/**
 * Pre-shared keys instead of certificates (applet type II). The server is
 * authenticated by knowing the key too.
 *
 * @param identity what the server knows us by @param name the secret key
 * @param kind enum iotsafe_psk
 * @param data the context of IOTSAFE_PSK_DERIVED, or NULL
 */
IOTSAFE_API int iotsafe_tls_set_psk(iotsafe_tls *tls, const char *identity,
				    const char *name, int kind,
				    const uint8_t *data, size_t data_size);

/** 1: the client's random number of the handshake comes from the card. */
IOTSAFE_API int iotsafe_tls_set_card_random(iotsafe_tls *tls, int on);

/** Resumes a session: what iotsafe_tls_session() gave. A server that has
 * forgotten it makes a full handshake. */
IOTSAFE_API int iotsafe_tls_set_session(iotsafe_tls *tls, const uint8_t *data,
					size_t data_size);

/**
 * 1: sessions of this card with the same server resume one another by
 * themselves, without the card; Python and Lua begin with that. The server is
 * the same where its name and port are (without a name: address and port), and
 * where whom we trust, key, certificate, versions and priority are as they
 * were.
 *
 * What it takes is kept in memory, at most 16 sessions a card and 4 of them
 * with one server, for an hour, each for one use, and is wiped when the last
 * user of the card frees it. New keys on the card, another card in its place
 * and a server's refusal end it. What iotsafe_tls_set_session() gave goes
 * first.
 */
IOTSAFE_API int iotsafe_tls_set_resume(iotsafe_tls *tls, int on);

enum iotsafe_verify {
	/** The server is not authenticated at all. For tests only. */
	IOTSAFE_VERIFY_NONE = 0,
	/** Its certificate leads to a CA, and is for the server's name. */
	IOTSAFE_VERIFY_FULL = 1,
	/** Its certificate leads to a CA. The name is sent, but whoever has
	 * any certificate of that CA may pose as the server: for a private CA,
	 * or callers who check the name themselves. */
	IOTSAFE_VERIFY_CHAIN = 2
};

/** How the server is authenticated: enum iotsafe_verify. */
IOTSAFE_API int iotsafe_tls_set_verify(iotsafe_tls *tls, int verify);

/** Protocols to offer by ALPN (RFC 7301), in order of preference, joined by
 * `,`: "h2,http/1.1". */
IOTSAFE_API int iotsafe_tls_set_alpn(iotsafe_tls *tls, const char *protocols);

/** Lowest and highest version: 12 or 13; 0 leaves the default (12 and 13).
 * DTLS is always 1.2. */
IOTSAFE_API int iotsafe_tls_set_versions(iotsafe_tls *tls, int lowest,
					 int highest);

/** A GnuTLS priority string, instead of "NORMAL". For experts. */
IOTSAFE_API int iotsafe_tls_set_priority(iotsafe_tls *tls,
					 const char *priority);

/**
 * The handshake over a connected descriptor. The card signs once; with
 * timeout 0 this is done in a thread, and the call returns IOTSAFE_WANT_CARD
 * meanwhile.
 *
 * The descriptor stays the caller's, and open. That thread works with a
 * duplicate: one that is closed meanwhile ends the session, and nothing goes to
 * a file that has got its number.
 *
 * @return besides WANT codes: the card's failures; IOTSAFE_ERR_UNTRUSTED (the
 *         server), IOTSAFE_ERR_TLS (the server refused us, or another TLS
 *         failure), IOTSAFE_ERR_CLOSED (the peer hung up), IOTSAFE_ERR_IO (the
 *         descriptor was closed meanwhile), _TIMEOUT
 */
IOTSAFE_API int iotsafe_tls_handshake(iotsafe_tls *tls, int fd, int timeout);

/** Which descriptor to wait for after a WANT code, the poll(2) events, and
 * how long at most (milliseconds, -1: no limit; DTLS retransmits). */
IOTSAFE_API int iotsafe_tls_poll(iotsafe_tls *tls, int *fd, int *events,
				 int *timeout);

/** Sends bytes: all of them, or, with timeout 0, as many as go now. With
 * DTLS one datagram. What did not go comes first in the next call: after
 * IOTSAFE_WANT_WRITE or _TIMEOUT some of it is encrypted already, and other
 * bytes in its place are IOTSAFE_ERR_ARG. @param sent how many went; also set
 * when the call fails */
IOTSAFE_API int iotsafe_tls_send(iotsafe_tls *tls, const uint8_t *data,
				 size_t data_size, int timeout, size_t *sent);

/** Receives at least one byte and at most `size`; size 0 out means the peer
 * closed. With DTLS one datagram. */
IOTSAFE_API int iotsafe_tls_receive(iotsafe_tls *tls, size_t size, int timeout,
				    uint8_t **out, size_t *out_size);

/** Bytes that can be received without the descriptor. */
IOTSAFE_API size_t iotsafe_tls_pending(iotsafe_tls *tls);

/** Says good-bye (close_notify); waits for no answer. */
IOTSAFE_API int iotsafe_tls_close(iotsafe_tls *tls, int timeout);

/* What was agreed; after the handshake. */

/** "TLS1.3", "TLS1.2" or "DTLS1.2"; "" before the handshake. */
IOTSAFE_API const char *iotsafe_tls_version(iotsafe_tls *tls);
/** The cipher suite by its IANA name, "" before the handshake. */
IOTSAFE_API const char *iotsafe_tls_cipher_suite(iotsafe_tls *tls);
/** The protocol chosen by ALPN, "" if none. */
IOTSAFE_API const char *iotsafe_tls_alpn(iotsafe_tls *tls);
/** The peer's chain as DER, leaf first; IOTSAFE_ERR_ABSENT past the end. */
IOTSAFE_API int iotsafe_tls_peer_certificate(iotsafe_tls *tls, unsigned index,
					     uint8_t **out, size_t *out_size);
/** Keying material for the application (RFC 5705, RFC 8446 7.5).
 * @param data the context, or NULL for none @param size 1 to 65535 */
IOTSAFE_API int iotsafe_tls_export(iotsafe_tls *tls, const char *label,
				   const uint8_t *data, size_t data_size,
				   size_t size, uint8_t **out,
				   size_t *out_size);
/** What resumes this session later: a secret, which opens a session without
 * the card; keep it in memory. With TLS 1.3 it is there once something was
 * received. @return IOTSAFE_ERR_ABSENT if the server gave nothing (yet) */
IOTSAFE_API int iotsafe_tls_session(iotsafe_tls *tls, uint8_t **out,
				    size_t *out_size);
/** 1 if the session was resumed, without the card. */
IOTSAFE_API int iotsafe_tls_resumed(iotsafe_tls *tls);
/** 1 if the server asked for a certificate and the card's was used. */
IOTSAFE_API int iotsafe_tls_certificate_used(iotsafe_tls *tls);

#ifdef __cplusplus
}
#endif

#endif
