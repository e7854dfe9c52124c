/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card as the files of this level share it. */
#ifndef OBJECT_CARD_H
#define OBJECT_CARD_H

#include <stdatomic.h>
#include <sys/types.h>
#include <iotsafe/iotsafe.h>
#include "applet/applet.h"
#include "base/address.h"
#include "base/module.h"
#include "base/secret.h"
#include "link/link.h"
#include "object/key.h"
#include "object/turn.h"

/* One object of the card, and what was read of it. */
struct entry {
	struct record record;
	bool read;     /* the two below are known, or known to be absent */
	bool refused;  /* absent because the card did not give them */
	uint8_t *spki; /* of a public key or certificate */
	size_t spki_size;
	uint8_t *content; /* of a certificate file: its DER */
	size_t content_size;
	/* Of one that was not worth reading to its end. */
	uint8_t *start;
	size_t start_size;
	/* Of a private key whose signature a public key verified: 1 + the
	 * place of that one. */
	size_t proven;
	/* Of a private key that we made: `changes` of the card by then. */
	unsigned made;
	/* Certificates behind the first one of a file, each DER, one behind the
	 * other. */
	uint8_t *more;
	size_t more_size;
	/* Of a private key that signs here. */
	struct secret *software;
};

static inline struct bytes entry_spki(const struct entry *entry)
{
	return (struct bytes){entry->spki, entry->spki_size};
}

static inline struct bytes entry_content(const struct entry *entry)
{
	return (struct bytes){entry->content, entry->content_size};
}

/* An applet of the card, and what was read of it. */
struct holding {
	struct applet applet;
	/* It was looked for, and is not there. */
	bool absent;
	/* When the turn began: its channel was open, its sessions stuck. */
	bool was_open, was_stuck;
	/* On this channel its PIN was given, or could not be. */
	bool pin_seen;
	bool listed;
	unsigned no_list;      /* the status word by which it refused, or 0 */
#define CARD_LIST_UNREADABLE 1 /* instead of one */
	struct entry *entries;
	size_t entries_count;
	/* Why the first of the objects that the list has and the card has not
	 * was left out, "" where none was. */
	char left_out[200];
	/* cache.c: they are from disk, at least in part; how much of them the
	 * file has. */
	bool cached;
	unsigned kept;
};

#define CARD_COUNTERS 5

/* How an operation changes the card, once it has begun to. */
enum commitment {
	COMMIT_NOTHING,
	COMMIT_STEPS, /* with the last of its commands, or not at all */
	COMMIT_AT_ONCE
};

struct iotsafe_card {
	atomic_uint uses;
	pid_t pid;		     /* of the process that may use it */
	struct iotsafe_card *next;   /* in the registry */
	char name[ADDRESS_NAME_MAX]; /* canonical address */
	struct address address;
	char paths[ADDRESS_SIZE_MAX]; /* of it, that were relative */
	bool own; /* over the application's link, not in the registry */
	iotsafe_link own_link;
	atomic_int timeout;	     /* milliseconds */
	atomic_int timeout_generate; /* of making a key pair */
	atomic_uint_least64_t counters[CARD_COUNTERS]; /* iotsafe_counter */
	struct turns turns;

	/* The number of the card that this handle is of, once it is known: it
	 * never changes. */
	char iccid[ICCID_TEXT];
	atomic_bool has_iccid;
	/* Another card was found in its place, with this number: nothing more
	 * is done with it. */
	char other[ICCID_TEXT];
	atomic_bool is_other;

	struct card_guest guest;
	/* Channels outlive turns, and one was open when the last one ended. */
	atomic_bool has_channel;

	/* All below belongs to whoever has the turn. */
	struct aid aids[CHANNEL_AIDS_MAX]; /* from the address */
	size_t aids_count;
	struct link link;	      /* open where it has a kind */
	struct link_counters counted; /* what of them is in `counters` */
	bool was_open;		      /* once: what has gone may come back */
	struct holding holdings[APPLETS];
	/* The one that is worked with, never NULL; and the first that is there,
	 * NULL until that is known. */
	struct holding *at, *home;
	/* cache.c: the operation may take for true what is from disk; it does
	 * so with what a handle has. */
	bool believes, leans;
	atomic_bool doubted; /* by a peer, outside of turns */
	enum commitment commitment;
	uint64_t committed_at; /* exchanges of the link by then */
	/* How often what was read of the card turned out to be history. */
	atomic_uint changes;
	/* The same on a shared port, as all processes count it. */
	uint64_t common_changes;
};

typedef int (*card_operation)(iotsafe_card *card, void *self,
			      const struct deadline *deadline);

/*
 * Does one operation in a turn of its own: opens what is not open, and opens
 * anew and repeats it, once, where card or modem turn out to have been reset.
 * `limit` NULL: the card's own time-out alone counts.
 */
int card_run(iotsafe_card *card, const struct deadline *limit,
	     card_operation operation, void *self);

/* The same for what finds an identity, or signs and verifies the signature:
 * what is known of the card from disk will do for it, until it fails. With
 * `record`, as card_run_on(). */
int card_run_believing(iotsafe_card *card, const struct record *record,
		       const struct deadline *limit, card_operation operation,
		       void *self);

/* The same with another limit than card->timeout. */
int card_run_within(iotsafe_card *card, int timeout,
		    const struct deadline *limit, card_operation operation,
		    void *self);

/* The same for what is done with the applet of this record. */
int card_run_on(iotsafe_card *card, const struct record *record,
		const struct deadline *limit, card_operation operation,
		void *self);

/* The same for what is as well not done: IOTSAFE_OK, without having been
 * called, where a channel would have to be opened for it, which may cost
 * another applet its own, or want a PIN. */
int card_attempt_on(iotsafe_card *card, const struct record *record,
		    const struct deadline *limit, card_operation operation,
		    void *self);

/* open.c: opens what is not open, card->at's channel included. For use within
 * a turn, as all the following. */
int card_open_all(iotsafe_card *card, const struct deadline *deadline);
/* Goes on with another applet, enum applet_number: IOTSAFE_ERR_ABSENT. */
int card_go_to(iotsafe_card *card, unsigned number,
	       const struct deadline *deadline);
/* Finds out, once, which other applets the card has. Stays where it is. */
int card_look_for_others(iotsafe_card *card, const struct deadline *deadline);
/* True where this result of listing card->at, which no name asked for, says
 * that it is no applet of ours after all. */
bool card_is_no_applet(iotsafe_card *card, int result);
void card_drop_link(iotsafe_card *card);
/* channels.c */
void card_close_channel(struct holding *holding,
			const struct deadline *deadline);
void card_close_channels(iotsafe_card *card, const struct deadline *deadline);
/* A reset took them. */
void card_lose_channels(iotsafe_card *card);
void card_count_up(iotsafe_card *card);

/* Closes channels and link by the deadline; for who has the turn, or is the
 * last user. */
void card_hang_up(iotsafe_card *card, const struct deadline *deadline);

/* pin.c: whether a failure is that of a card that wants its PIN, and somebody
 * may have it; sends it, at most once a process. */
bool card_wants_pin(const iotsafe_card *card, int result);
bool card_has_pin(const iotsafe_card *card);
int card_unlock(iotsafe_card *card, const struct deadline *deadline);
/* Ahead of a command with a private key: sends it where the applet's keys want
 * it, and the same rules let it be sent. */
int card_unlock_first(iotsafe_card *card, const struct deadline *deadline);
/* Says whose PIN a card wants that nobody has given. */
int card_explain_pin(const iotsafe_card *card, int result);

/* once.c: from the next command on, repeating is not safe; whether it is all
 * the same after the failure that is recorded; what to add to that. */
void card_commit(iotsafe_card *card, enum commitment commitment);
bool card_may_repeat(const iotsafe_card *card);
int card_explain_commitment(const iotsafe_card *card, int result);

/* manners.c: the attributes of every address, and what those that tell the
 * card's manners say, put in its place. Fails only for a bad address. */
extern const char *const card_attributes[];
int card_apply_manners(iotsafe_card *card);

/* paths.c: puts the current folder in front of the address's relative paths. */
int card_whole_paths(iotsafe_card *card);

/* IOTSAFE_ERR_CLOSED in a process that did not open the card. */
int card_check_process(const iotsafe_card *card);

/* changed.c: whether a channel that was opened is to the card that this
 * handle is of. IOTSAFE_ERR_CLOSED if not, and from then on. */
int card_recognise(iotsafe_card *card);
int card_check_same(const iotsafe_card *card);

/* For use within a turn. */

/* Reads the list of objects unless it is known. A card that has no list gets
 * an empty one. */
int card_need_list(iotsafe_card *card, const struct deadline *deadline);

/* The same for who wants the list itself: one that could not be understood is
 * asked for again. */
int card_need_whole_list(iotsafe_card *card, const struct deadline *deadline);

/* Forgets all that was read of the card's objects, or of one applet's. */
void card_forget(iotsafe_card *card);
void card_forget_applet(struct holding *holding)
	FOR_MODULES(card_forget_applet);

/* others.c: tells other processes that what they read of the card may be
 * history; hears it of them; false where they have changed the card since, or
 * it cannot be known. */
void card_tell_others(iotsafe_card *card);
void card_hear_of_others(iotsafe_card *card);
bool card_count_changes(iotsafe_card *card);

/* Forgets it, and tells others, because the card's objects have changed. */
void card_changed(iotsafe_card *card, const char *why);

/* The entry of an object that a handle knows, NULL where the list has it not.
 */
struct entry *card_entry_of(iotsafe_card *card, const struct record *record);

/* Brings a record up to date where the card's objects have changed since
 * `changes`; IOTSAFE_ERR_ABSENT where the object has gone. */
int card_refresh(iotsafe_card *card, struct record *record, unsigned *changes,
		 const struct deadline *deadline);

/* Forgets what was read of one object. */
void card_forget_entry(iotsafe_card *card, struct entry *entry);

/* Reads a certificate file or public key once. A card that refuses leaves
 * `spki` empty; only the link's failures are errors. */
int card_need_entry(iotsafe_card *card, struct entry *entry,
		    const struct deadline *deadline);

/* The same for a file marked as a certificate that may have issued another
 * one: read to its end only where its beginning does not show that it has
 * not, or is a root. */
int card_look_for_issuer(iotsafe_card *card, struct entry *entry,
			 struct bytes certificate,
			 const struct deadline *deadline);

/* DER SubjectPublicKeyInfo of a key that the card told as the record's. */
int card_spki(const iotsafe_card *card, const struct record *record,
	      const struct public_key *key, uint8_t **out, size_t *out_size);

/* The applet that a name asks for: goes on with it. Nothing where it asks for
 * none. */
int card_go_to_named(iotsafe_card *card, const struct name *name,
		     const struct deadline *deadline);

/* Asks the objects of card->at that are unnamed what they are, all (0) or those
 * that seem to be of this class. What the card refuses for good is left out.
 * record_is_locked() where some want a PIN; all others are named then. */
int card_name_objects(iotsafe_card *card, int class,
		      const struct deadline *deadline);
bool record_is_locked(int result);

/*
 * The one object of `class` that a name means: IOTSAFE_ERR_ABSENT, or
 * IOTSAFE_ERR_AMBIGUOUS with the names to choose from. It is of card->at
 * then: where the applet that the operation began with has none, and the name
 * asks for no other, the following ones were looked through. On a card without
 * a list the object is asked for alone. The pointer holds until the next call.
 */
int card_find(iotsafe_card *card, const struct name *name, int class,
	      struct entry **out, const struct deadline *deadline);

/* The same where an empty name means the only object of the class that has
 * these flags, is of the curve of `mate` (unless NULL) and, if it is to be
 * written, is not the other half of a pair. */
int card_find_with(iotsafe_card *card, const struct name *name, int class,
		   unsigned flags, const struct record *mate,
		   struct entry **out, const struct deadline *deadline);

/* The list is refused by this status word, or CARD_LIST_UNREADABLE. */
int card_go_without_list(iotsafe_card *card, unsigned status);

/* An entry for an object that the list does not have. */
int card_add_entry(iotsafe_card *card, const struct record *record,
		   struct entry **out);

/* Puts a public key (SubjectPublicKeyInfo) into an object; its entry forgets
 * what it held. */
int card_put(iotsafe_card *card, struct entry *entry, struct bytes spki,
	     const struct deadline *deadline);

/* object.c */

/* Adds to the error of a command that failed what object it was for, and why it
 * may have been refused: not activated, or none of `flags` is set. Those make
 * it IOTSAFE_ERR_DENIED. */
int record_explain(int result, const struct record *record, unsigned flags);

static inline struct bytes record_id(const struct record *record)
{
	return (struct bytes){record->id, record->id_size};
}

static inline struct bytes record_label(const struct record *record)
{
	return (struct bytes){record->label, record->label_size};
}

/* The same class, id and label. */
bool record_is_same(const struct record *a, const struct record *b);
/* "private key" */
const char *class_words(int class);
bool record_is_brainpool(const struct record *record);
/* A mode of operation and the size of what is signed. */
int message_check(int mode, size_t size);

/* True where the name fits the record; `class` 0: any. */
bool record_matches(const struct record *record, const struct name *name);

/* `"client"`, or `id 01` where the label is not for people. `size` of at
 * least RECORD_TITLE_MAX. */
#define RECORD_TITLE_MAX 128
void record_title(const struct record *record, char *out, size_t size);

int object_new(const iotsafe_card *card, const struct record *record,
	       iotsafe_object **out);

/* IOTSAFE_ERR_SUPPORT where card->at is no IoT SAFE applet. */
int card_need_iotsafe(const iotsafe_card *card, const char *what);

/* Adds up titles of records for an error's sentence. */
struct titles {
	char text[256];
	size_t count;
};
void titles_add(struct titles *titles, const struct record *record);

/* entry.c: what was read, wiped where it is secret. */
void entry_release(struct entry *entry);
/* Whether the card refuses this one object; whether a second try may mend it.
 */
bool entry_is_refused(int result);
bool entry_may_be_good(int result);
/* The private key of an entry that is IOTSAFE_OBJECT_SOFTWARE, read once. */
int card_need_software(iotsafe_card *card, struct entry *entry,
		       const struct deadline *deadline);

/* identity.c: see there. All within a turn, and of card->at. */

/* The private key that a certificate belongs to; card_find_identity(): of the
 * first applet that has one, or of the one that the name asks for. */
int card_find_identity(iotsafe_card *card, const struct name *name,
		       struct record *out, const struct deadline *deadline);
int identity_find(iotsafe_card *card, struct record *out,
		  const struct deadline *deadline);
/* The entry with the key's public key, by every sign but a signature; NULL
 * if nothing tells. */
int identity_public_key(iotsafe_card *card, const struct record *key,
			struct entry **out, const struct deadline *deadline);
/* Keeps that a signature of the key was verified with the public key. */
void identity_prove(iotsafe_card *card, const struct record *key,
		    const struct entry *public);
/* Where one private key alone can sign: a public key that a certificate has,
 * whatever it is called; NULL if there is none. */
int identity_other_public_key(iotsafe_card *card, struct entry **out,
			      const struct deadline *deadline);
/* True if one of the certificates read so far has this public key. */
bool identity_is_certified(const iotsafe_card *card, struct bytes spki);
/* The certificate with this public key (empty: the only one that can be the
 * private key's); NULL if there is none. */
int identity_certificate(iotsafe_card *card, const struct record *key,
			 struct bytes spki, struct entry **out,
			 const struct deadline *deadline);
/* A certificate that is of no key on the card, NULL if there is none. */
int identity_stray_certificate(iotsafe_card *card, struct entry **out,
			       const struct deadline *deadline);
/* One that is marked as such, and that the card did not give. */
const struct entry *identity_unread_certificate(const iotsafe_card *card);
/* The certificate that issued this one, empty if the card has none. Borrowed
 * from its entry. */
int identity_issuer(iotsafe_card *card, struct bytes certificate,
		    struct bytes *out, const struct deadline *deadline);

#endif
