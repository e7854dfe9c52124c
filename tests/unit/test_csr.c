/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificate signing requests: read back and verified by GnuTLS. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fakecard.h"
#include "script.h"

static struct identity a;

static void set_up(void)
{
	a = identity_make((struct identity_wish){.name = "a"});
}

static void tear_down(void)
{
	identity_free(&a);
}

TestSuite(csr, .init = set_up, .fini = tear_down);

struct place {
	struct fakecard fake;
	iotsafe_card *card;
	iotsafe_key *key;
};

static void place_open(struct place *place)
{
	*place = (struct place){.fake.objects = {
					{.class = IOTSAFE_CLASS_PRIVATE_KEY,
					 .id = "01",
					 .key = &a},
					{.class = IOTSAFE_CLASS_PUBLIC_KEY,
					 .id = "01",
					 .key = &a},
				}};
	place->card = fakecard_open(&place->fake);
	expect_good(iotsafe_key_open(place->card, "id=01", &place->key));
}

static void place_close(struct place *place)
{
	iotsafe_key_free(place->key);
	iotsafe_card_free(place->card);
}

/* Makes a request, which must verify; what GnuTLS reads in it as text. */
static char *request(const char *subject, const char *names, const char *usages)
{
	struct place place;
	gnutls_x509_crq_t crq;
	gnutls_datum_t der, text;
	size_t size;

	place_open(&place);
	expect_good(iotsafe_key_csr(place.key, subject, names, usages,
				    &der.data, &size));
	der.size = (unsigned)size;
	cr_assert(!gnutls_x509_crq_init(&crq));
	cr_assert(!gnutls_x509_crq_import(crq, &der, GNUTLS_X509_FMT_DER));
	cr_assert(!gnutls_x509_crq_verify(crq, 0));
	cr_assert(!gnutls_x509_crq_print(crq, GNUTLS_CRT_PRINT_FULL, &text));
	gnutls_x509_crq_deinit(crq);
	iotsafe_free(der.data);
	cr_assert(place.fake.signatures == 1);
	place_close(&place);
	return (char *)text.data;
}

static void expect_words(const char *subject, const char *names,
			 const char *usages, const char *const *words)
{
	char *text = request(subject, names, usages);

	for (; *words; words++)
		cr_assert(strstr(text, *words), "no \"%s\" in %s", *words,
			  text);
	gnutls_free(text);
}

#define WORDS(...)                                                             \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

Test(csr, has_the_subject_and_the_usual_usages)
{
	expect_words("CN=device-7,O=Example", NULL, NULL,
		     WORDS("Subject: CN=device-7,O=Example", "SECP256R1",
			   "Digital signature.", "TLS WWW Client.",
			   "Key Usage (critical)"));
}

Test(csr, has_names_of_every_kind)
{
	expect_words("CN=d",
		     "dns:*.a.example,dns:b,ip:192.0.2.7,ip:2001:db8::1,"
		     "email:a@b.example,uri:urn:dev:7",
		     NULL,
		     WORDS("DNSname: *.a.example", "DNSname: b\n",
			   "IPAddress: 192.0.2.7", "IPAddress: 2001:db8::1",
			   "RFC822Name: a@b.example", "URI: urn:dev:7"));
}

Test(csr, has_every_usage)
{
	expect_words("CN=d", NULL,
		     "digitalSignature,keyAgreement,keyEncipherment,clientAuth,"
		     "serverAuth,codeSigning,emailProtection,1.2.3.4",
		     WORDS("Digital signature.", "Key agreement.",
			   "Key encipherment.", "TLS WWW Client.",
			   "TLS WWW Server.", "Code signing.",
			   "Email protection.", "1.2.3.4"));
}

Test(csr, has_usages_by_numbers_of_any_size)
{
	expect_words(
		"CN=d", NULL, "2.999.16384,0.39.127.128,1.2.999999999999999999",
		WORDS("2.999.16384", "0.39.127.128", "1.2.999999999999999999"));
}

Test(csr, needs_no_extension)
{
	char *text = request("CN=d", NULL, "");

	cr_assert(!strstr(text, "Extensions"), "%s", text);
	gnutls_free(text);
}

Test(csr, keeps_what_RFC_4514_escapes_and_other_letters)
{
	expect_words("CN=a\\,b,OU=Gerät", NULL, NULL,
		     WORDS("Subject: CN=a\\,b,OU=Gerät"));
}

struct refusal {
	const char *subject, *names, *usages, *words;
};

static const struct refusal refusals[] = {
	{"", NULL, NULL, "subject is empty"},
	{"device", NULL, NULL, "subject \"device\" is no name"},
	{"CN=", NULL, NULL, "no name by RFC 4514"},
	{"=x", NULL, NULL, "no name by RFC 4514"},
	{"NOSUCH=x", NULL, NULL, "no name by RFC 4514"},
	{"CN=d", ",", NULL, "names: a word is empty"},
	{"CN=d", "dns:a,", NULL, "names: a word is empty"},
	{"CN=d", "dns:a,,dns:b", NULL, "names: a word is empty"},
	{"CN=d", "a.example", NULL, "names: \"a.example\" is no"},
	{"CN=d", "dns:", NULL, "names: \"dns:\" is no"},
	{"CN=d", "dns:.a", NULL, "names: \"dns:.a\" is no"},
	{"CN=d", "dns:a..b", NULL, "names: \"dns:a..b\" is no"},
	{"CN=d",
	 "dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	 NULL, "is no dns:"},
	{"CN=d", "dns:a b", NULL, "names: \"dns:a b\" is no"},
	{"CN=d", "dns:a\nb", NULL, "names: \"dns:a b\" is no"},
	{"CN=d", "dns:gerät", NULL, "is no dns:"},
	{"CN=d", "ip:1.2.3", NULL, "names: \"ip:1.2.3\" is no"},
	{"CN=d", "ip:1.2.3.4.5", NULL, "names: \"ip:1.2.3.4.5\" is no"},
	{"CN=d", "ip:1::2::3", NULL, "names: \"ip:1::2::3\" is no"},
	{"CN=d", "email:a", NULL, "names: \"email:a\" is no"},
	{"CN=d", "email:@a", NULL, "names: \"email:@a\" is no"},
	{"CN=d", "uri:a", NULL, "names: \"uri:a\" is no"},
	{"CN=d", "uri:a:", NULL, "names: \"uri:a:\" is no"},
	{"CN=d", NULL, "clientauth", "usages: \"clientauth\" is not known"},
	{"CN=d", NULL, "clientAuth,", "usages: a word is empty"},
	{"CN=d", NULL, "1.2..3", "usages: \"1.2..3\" is not known"},
	{"CN=d", NULL, "1.2.", "usages: \"1.2.\" is not known"},
	{"CN=d", NULL, "3.2.1", "usages: \"3.2.1\" is not known"},
	{"CN=d", NULL, "1.40", "usages: \"1.40\" is not known"},
	{"CN=d", NULL, "1.2.9999999999999999999", "is not known"},
	{"CN=d", NULL, "1.99.3", "csr: "},
};

Test(csr, refuses_what_is_no_request)
{
	struct place place;
	uint8_t *out = (uint8_t *)1;
	size_t size;

	place_open(&place);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *each = &refusals[i];

		expect_error(iotsafe_key_csr(place.key, each->subject,
					     each->names, each->usages, &out,
					     &size),
			     IOTSAFE_ERR_ARG, each->words);
		cr_assert(!out && !size);
	}
	cr_assert(place.fake.signatures == 0);
	place_close(&place);
}

/* Lengths on both sides of each form that DER has for them. */
Test(csr, has_names_of_any_length)
{
	char names[260] = "uri:x:";
	char *text;

	for (int size = 1; size < 250; size++) {
		strcat(names, "y");
		text = request("CN=d", names, NULL);
		cr_assert(strstr(text, names + 4), "%d", size);
		gnutls_free(text);
	}
}

Test(csr, is_not_made_of_what_fits)
{
	static char subject[9000];
	struct place place;
	uint8_t *out;
	size_t size;

	memset(subject, 'a', sizeof(subject) - 1);
	memcpy(subject, "CN=", 3);
	place_open(&place);
	expect_error(
		iotsafe_key_csr(place.key, subject, NULL, NULL, &out, &size),
		IOTSAFE_ERR_ARG, "too long");
	cr_assert(place.fake.signatures == 0);
	place_close(&place);
}

/* As many names as there is room for, and one more; the request of the
 * longest one still verifies. */
Test(csr, has_an_end)
{
	struct place place;
	char names[9000] = "dns:a";
	uint8_t *out;
	size_t size, longest = 0;
	int result;

	place_open(&place);
	do {
		result = iotsafe_key_csr(place.key, "CN=d", names, NULL, &out,
					 &size);
		longest = result ? longest : size;
		iotsafe_free(out);
		strcat(names, ",dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			      ".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	} while (!result && strlen(names) < sizeof(names) - 100);
	cr_assert(result == IOTSAFE_ERR_ARG && longest > 7900, "%zu", longest);
	cr_assert(strstr(iotsafe_last_error(), "too long"));
	place_close(&place);
}

Test(csr, tells_a_card_that_signs_wrongly)
{
	struct place place;
	uint8_t *out;
	size_t size;

	place_open(&place);
	place.fake.wrong = true;
	expect_error(
		iotsafe_key_csr(place.key, "CN=d", NULL, NULL, &out, &size),
		IOTSAFE_ERR_VERIFY, NULL);
	place_close(&place);
}

/* The ids lie: the public key beside the private one is another's. */
Test(csr, is_for_the_key_that_signs_it)
{
	struct identity b = identity_make((struct identity_wish){.name = "b"});
	struct place place;
	gnutls_x509_crq_t crq;
	gnutls_datum_t der;
	size_t size;

	place_open(&place);
	place_close(&place);
	place.fake.objects[1].key = &b;
	place.fake.objects[2] = (struct fake_object){
		.class = IOTSAFE_CLASS_PUBLIC_KEY, .id = "02", .key = &a};
	place.card = fakecard_open(&place.fake);
	expect_good(iotsafe_key_open(place.card, "id=01", &place.key));
	expect_good(iotsafe_key_csr(place.key, "CN=d", NULL, NULL, &der.data,
				    &size));
	der.size = (unsigned)size;
	cr_assert(!gnutls_x509_crq_init(&crq));
	cr_assert(!gnutls_x509_crq_import(crq, &der, GNUTLS_X509_FMT_DER));
	cr_assert(!gnutls_x509_crq_verify(crq, 0));
	gnutls_x509_crq_deinit(crq);
	iotsafe_free(der.data);
	place_close(&place);
	identity_free(&b);
}

/* It is asked for by name; what was the matter then is what failed. */
Test(csr, tells_why_the_public_key_could_not_be_had)
{
	struct place place;
	uint8_t *out;
	size_t size;

	place_open(&place);
	place_close(&place);
	place.fake.no_list = true;
	place.card = fakecard_open(&place.fake);
	expect_good(iotsafe_key_open(place.card, "id=01", &place.key));
	place.fake.fail_at = place.fake.exchanges + 1;
	place.fake.fail_count = 1000;
	place.fake.fail_code = IOTSAFE_ERR_BUSY;
	expect_error(
		iotsafe_key_csr(place.key, "CN=d", NULL, NULL, &out, &size),
		IOTSAFE_ERR_BUSY, "busy");
	place_close(&place);
}

Test(csr, needs_the_public_key)
{
	struct place place;
	uint8_t *out;
	size_t size;

	place_open(&place);
	place_close(&place);
	place.fake.objects[1].class = 0;
	place.card = fakecard_open(&place.fake);
	expect_good(iotsafe_key_open(place.card, "id=01", &place.key));
	expect_error(
		iotsafe_key_csr(place.key, "CN=d", NULL, NULL, &out, &size),
		IOTSAFE_ERR_ABSENT, "public key");
	place_close(&place);
}
