// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keys put on the card, agreed on, and derived. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/hmac.h>

static struct bench b;

static void setup(void)
{
	bench_open(&b, "full", NULL, NULL);
	bench_select(&b);
}

static void teardown(void)
{
	bench_close(&b);
}

static void again(const char *quirks, const char *faults)
{
	bench_close(&b);
	bench_open(&b, "full", quirks, faults);
	bench_select(&b);
}

#define does(header, data, expected)                                           \
	cr_assert_str_eq(bench_do(&b, header, data), expected)

TestSuite(derive, .init = setup, .fini = teardown);

/* The peer key of Thales' unit tests. */
#define PEER                                                                   \
	"049E5B7F778B7997617C8993B6406608EFE2D3F2D6751D6B3F5F5320FFFD6A7DC9"   \
	"A8F6C5C1474F64D668364AE2ED8DC4C1C6C4767423B013937B4499F52C4F89A0"
#define OFF                                                                    \
	"049E5B7F778B7997617C8993B6406608EFE2D3F2D6751D6B3F5F5320FFFD6A7DC9"   \
	"A8F6C5C1474F64D668364AE2ED8DC4C1C6C4767423B013937B4499F52C4F89A1"

Test(derive, takes_a_public_key)
{
	does("81240003", "850105", "9000");
	does("81D88003", "3445 4943 8641" PEER, "9000");
	does("81CD0000", "850105", "344549438641" PEER "9000");
	cr_assert_str_eq(bench_fetch(&b, "8124010300"), "9000");
	/* without the inner tag, by label, in session 00 */
	does("81240000", "750470656572", "9000");
	does("81D88000", "3443 8641" PEER, "9000");
	/* in two commands: one 34 for all, or one in each */
	does("81240003", "850105", "9000");
	does("81D80003", "3445 4943", "9000");
	does("81D88003", "8641" PEER, "9000");
	does("81240003", "850105", "9000");
	does("81D80003", "3402 4943", "9000");
	does("81D88003", "3443 8641" PEER, "9000");
}

Test(derive, takes_no_bad_public_key)
{
	static const char *const bad[] = {
		"3445 4943 8641" OFF,
		"3445 4943 8741" PEER,
		"3445 4942 8641" PEER,
		"3444 4943 8641" PEER,
		"3446 4943 8641" PEER,
		"3541 4943 8641" PEER,
		"3403 4901 00",
		"3402 8600",
		"3404 8602 0400",
		"3400",
		"34",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		does("81240003", "850105", "9000");
		cr_assert_str_eq(bench_do(&b, "81D88003", bad[i]), "6A80", "%s",
				 bad[i]);
		cr_assert_str_eq(bench_do(&b, "81D88003", bad[i]), "6985");
	}
	does("81CD0000", "850105", "6985");
	does("81240003", "85010B", "6982");
	does("81240003", "850104", "6985");
	does("81240003", "850199", "6A80");
	does("81240003", "840101", "6A80");
	does("81240006", "850105", "6A86");
	does("81D88003", "3443 8641" PEER, "6985");
}

Test(derive, verifies_with_a_key_that_was_put)
{
	/* section 7.4: the public key and the signature of quantag's card */
	does("81240003", "850106", "9000");
	does("81D88003",
	     "344549438641 04"
	     "D569954216F62264F01B78ED599898D12C436A4633505DA18B008D5529E09AF2"
	     "83ED5E453EDC8B5492704C1B8D48895857442057335B39078AF27A9008DC1401",
	     "9000");
	does("812C0002", "850106 A10101 91020001 920104", "9000");
	does("812D8002",
	     "9B08 0102030405060708 3340"
	     "343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
	     "E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B",
	     "9000");
	/* the slot keeps its key; that of a persistent type is in the store */
	does("81CBC200", "850106",
	     "C22175067665726966798501066001034A01014B01144E0101610101920104910"
	     "20007"
	     "9000");
}

/* A key pair of the host, put into a slot of the card. */
static EVP_PKEY *put_peer(const char *group, const char *init)
{
	EVP_PKEY *key = EVP_EC_gen(group);
	uint8_t point[65];
	char hex[131], data[256];
	size_t size;

	EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point),
					&size);
	hex_encode(point, size, hex);
	snprintf(data, sizeof(data), "344549438641 %s", hex);
	does("81240003", init, "9000");
	does("81D88003", data, "9000");
	return key;
}

/* What the host makes of its key and the card's. */
static void agree(EVP_PKEY *own, const char *group, const char *point,
		  char hex[65])
{
	EVP_PKEY *peer = bench_public(group, point);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	uint8_t shared[32];
	size_t size = 32;

	EVP_PKEY_derive_init(ctx);
	EVP_PKEY_derive_set_peer(ctx, peer);
	cr_assert_eq(EVP_PKEY_derive(ctx, shared, &size), 1);
	hex_encode(shared, 32, hex);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
}

static void agrees_on(const char *group, const char *generate, const char *peer,
		      const char *pair)
{
	EVP_PKEY *own = put_peer(group, peer);
	char point[131], shared[65], expected[69];

	snprintf(point, sizeof(point), "%.130s",
		 bench_do(&b, "81B90000", generate) + 24);
	agree(own, group, point, shared);
	snprintf(expected, sizeof(expected), "%s9000", shared);
	does("81460000", pair, expected);
	EVP_PKEY_free(own);
}

Test(derive, agrees_with_the_host_on_both_curves)
{
	agrees_on("P-256", "840104", "850105", "840104 850105");
	agrees_on("P-256", "840104", "850105", "850105 740465636468");
	agrees_on("brainpoolP256r1", "84010A", "85010E", "84010A 85010E");
}

Test(derive, agrees_with_keys_for_that_alone)
{
	does("81460000", "840104 850105", "6985");
	EVP_PKEY_free(put_peer("P-256", "850105"));
	does("81460000", "840104 850105", "6985");
	cr_assert_eq(strlen(bench_do(&b, "81B90000", "840104")), 2 * 77 + 4);
	cr_assert_eq(strlen(bench_do(&b, "81460000", "840104 850105")), 68);
	does("81460000", "840101 850105", "6985");
	does("81460000", "840104 850101", "6985");
	does("81460000", "840104", "6A80");
	does("81460000", "840104 840104", "6A80");
	does("81460000", "840104 850199", "6A80");
	does("81460000", "840104 850105 750470656572", "6A80");
	does("81460100", "840104 850105", "6A86");
	cr_assert_str_eq(bench_fetch(&b, "81460000"), "6700");
	bench_do(&b, "81B90000", "84010A");
	does("81460000", "84010A 850105", "6A80");
}

/* P_SHA256 of RFC 5246 section 5, from HMAC alone. */
static void prf(struct view secret, struct view seed, size_t size, char *hex)
{
	uint8_t a[32 + 256], block[32], all[288];
	unsigned int length = 32;

	HMAC(EVP_sha256(), secret.data, (int)secret.size, seed.data, seed.size,
	     a, &length);
	for (size_t done = 0; done < size; done += 32) {
		memcpy(a + 32, seed.data, seed.size);
		HMAC(EVP_sha256(), secret.data, (int)secret.size, a,
		     32 + seed.size, block, &length);
		memcpy(all + done, block, 32);
		HMAC(EVP_sha256(), secret.data, (int)secret.size, a, 32, a,
		     &length);
	}
	hex_encode(all, size, hex);
}

static struct object *psk(void)
{
	static const uint8_t id = 0x01;
	struct tlv name = {.tag = 0x86, .value = view_of(&id, 1)};

	return personal_find(&b.personal, CLASS_SECRET, &name);
}

static void derives(const char *header, const char *data, struct view secret)
{
	char hex[97], expected[101];

	prf(secret, view_of("test seed", 9), 48, hex);
	snprintf(expected, sizeof(expected), "%s9000", hex);
	does(header, data, expected);
}

#define SEED "D209 746573742073656564 D30130"

/* RFC 4279 section 2 and RFC 5489 section 2, written out. */
Test(derive, makes_master_secrets_of_the_key)
{
	uint8_t premaster[2 + 48 + 2 + 32] = {0};
	const struct object *key = psk();

	cr_assert_eq(key->content_size, 32);
	premaster[1] = 32;
	premaster[2 + 32 + 1] = 32;
	memcpy(premaster + 2 + 32 + 2, key->content, 32);
	derives("81480100", "860101" SEED, view_of(premaster, 2 + 32 + 2 + 32));
	derives("81480100", "76037073 6B" SEED, view_of(premaster, 68));
	premaster[1] = 4;
	memcpy(premaster + 2, "\xA1\xB2\xC3\xD4", 4);
	premaster[6] = 0;
	premaster[7] = 32;
	memcpy(premaster + 8, key->content, 32);
	derives("81480200", "860101 D404A1B2C3D4" SEED, view_of(premaster, 40));
	again("prf-bare", NULL);
	key = psk();
	derives("81480100", "860101" SEED, view_of(key->content, 32));
}

Test(derive, refuses_a_bad_prf)
{
	does("81480100", SEED, "6A80");
	does("81480100", "860199" SEED, "6A80");
	does("81480100", "860102" SEED, "6985");
	does("81480100", "860101 D10101" SEED, "6A80");
	does("81480100", "860101 D40101" SEED, "6A80");
	does("81480200", "860101" SEED, "6A80");
	does("81480200", "860101 76037073 6B D40101" SEED, "6A80");
	does("81480000", SEED, "6A80");
	does("81480000", "D100" SEED, "6A80");
	does("81480000", "D10101 D200 D30110", "6A80");
	does("81480000", "D10101 D20101 D30100", "6A80");
	does("81480000", "D10101 D20101", "6A80");
	does("81480300", "D10101" SEED, "6A86");
	cr_assert_str_eq(bench_fetch(&b, "81480000"), "6700");
	/* Z's host names a key beside the secret */
	derives("81480000", "860101 D10161" SEED, view_of("a", 1));
	again("prf-no-key", NULL);
	does("81480000", "860101 D10161" SEED, "6A80");
}

#define IKM  "D116 0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B"
#define SALT "D50D 000102030405060708090A0B0C"

/* RFC 5869 A.1; and the card's key as the input. */
Test(derive, extracts)
{
	uint8_t expected[64];
	unsigned int size;
	char hex[133];

	does("814A0000", IKM SALT "91020001",
	     "077709362C2E32DF0DDC3F0DC47BBA6390B6C73BB50F9C3122EC844AD7C2B3E5"
	     "9000");
	cr_assert_eq(strlen(bench_do(&b, "814A0000", IKM SALT "91020002")),
		     2 * 48 + 4);
	cr_assert_eq(strlen(bench_do(&b, "814A0000", IKM SALT "91020004")),
		     2 * 64 + 4);
	HMAC(EVP_sha512(), "salt", 4, psk()->content, 32, expected, &size);
	hex_encode(expected, 64, hex);
	strcat(hex, "9000");
	does("814A0000", "860101 D50473616C74 91020004", hex);
	again("hkdf-no-key", NULL);
	does("814A0000", "860101 D50473616C74 91020004", "6A80");
}

Test(derive, refuses_a_bad_extract)
{
	does("814A0000", IKM "D500 91020001", "6A80");
	does("814A0000", "D100" SALT "91020001", "6A80");
	does("814A0000", IKM "91020001", "6A80");
	does("814A0000", SALT "91020001", "6A80");
	does("814A0000", IKM SALT, "6A80");
	does("814A0000", IKM SALT "91020003", "6A80");
	does("814A0000", IKM "860101" SALT "91020001", "6A80");
	does("814A0000", "860102" SALT "91020001", "6985");
	does("814A0100", IKM SALT "91020001", "6A86");
}
