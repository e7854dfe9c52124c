// SPDX-License-Identifier: LGPL-2.1-or-later
/* Lengths that lie, buffers that end, hex that is none. */
#include "../bytes.h"

#include "../crypto.h"
#include "../sha2.h"

#include <criterion/criterion.h>
#include <string.h>

static bool takes(const char *hex, unsigned int tag, size_t size, size_t rest)
{
	uint8_t bytes[512];
	int n = hex_decode(hex, strlen(hex), bytes, sizeof(bytes));
	struct view view = view_of(bytes, (size_t)n);
	struct tlv tlv;

	return n >= 0 && tlv_take(&view, &tlv) && tlv.tag == tag &&
	       tlv.value.size == size && view.size == rest;
}

Test(bytes, takes_fields_with_every_form_of_length)
{
	char raw[2 + 2 + 2 * 0x90 + 1] = "9B90";

	cr_assert(takes("9B00", 0x9B, 0, 0));
	cr_assert(takes("9B02AABBCC", 0x9B, 2, 1));
	cr_assert(takes("9B8102AABBCC", 0x9B, 2, 1));
	cr_assert(takes("9B820002AABBCC", 0x9B, 2, 1));
	memset(raw + 4, '0', 2 * 0x90);
	raw[4 + 2 * 0x90] = '\0';
	cr_assert(takes(raw, 0x9B, 0x90, 0));
}

Test(bytes, refuses_fields_that_are_cut)
{
	struct view empty = view_of(NULL, 0);
	struct tlv tlv;

	cr_assert_not(tlv_take(&empty, &tlv));
	cr_assert_not(takes("9B", 0x9B, 0, 0));
	cr_assert_not(takes("9B01", 0x9B, 1, 0));
	cr_assert_not(takes("9B03AABB", 0x9B, 3, 0));
	cr_assert_not(takes("9B81", 0x9B, 0, 0));
	cr_assert_not(takes("9B8103AABB", 0x9B, 3, 0));
	cr_assert_not(takes("9B8200", 0x9B, 0, 0));
	cr_assert_not(takes("9B830000", 0x9B, 0, 0));
	cr_assert_not(takes("9BFFAABB", 0x9B, 2, 0));
}

Test(bytes, says_when_there_is_no_room)
{
	uint8_t room[4];
	struct writer writer = writer_on(room, sizeof(room));

	put_tlv_byte(&writer, 0x84, 1);
	cr_assert_not(writer.overflow);
	put_u16(&writer, 0xAABB);
	cr_assert(writer.overflow);
	cr_assert_eq(writer.size, 4);
}

Test(bytes, reads_hex_of_both_cases_and_nothing_else)
{
	uint8_t out[2];

	cr_assert_eq(hex_decode("aBCd", 4, out, 2), 2);
	cr_assert_eq(out[0], 0xAB);
	cr_assert_eq(out[1], 0xCD);
	cr_assert_eq(hex_decode("", 0, out, 2), 0);
	cr_assert_eq(hex_decode("abc", 3, out, 2), -1);
	cr_assert_eq(hex_decode("abcdef", 6, out, 2), -1);
	cr_assert_eq(hex_decode("0g", 2, out, 2), -1);
	cr_assert_eq(hex_decode(" 1", 2, out, 2), -1);
}

/* FIPS 180-4 5.3: the chaining values every hash begins with. */
static const char *const starts[] = {
	"6A09E667BB67AE853C6EF372A54FF53A510E527F9B05688C1F83D9AB5BE0CD19",
	"CBBB9D5DC1059ED8629A292A367CD5079159015A3070DD17152FECD8F70E5939"
	"67332667FFC00B318EB44A8768581511DB0C2E0D64F98FA747B5481DBEFA4FA4",
	"6A09E667F3BCC908BB67AE8584CAA73B3C6EF372FE94F82BA54FF53A5F1D36F1"
	"510E527FADE682D19B05688C2B3E6C1F1F83D9ABFB41BD6B5BE0CD19137E2179",
};

/* From the first block to the last, against libcrypto's own. */
Test(sha2, agrees_with_libcrypto_at_every_length)
{
	const EVP_MD *hashes[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
	uint8_t text[128], start[64], ours[64], theirs[64];

	cr_assert(crypto_random(text, sizeof(text)));
	for (size_t i = 0; i < 3; i++) {
		size_t size = (size_t)EVP_MD_get_size(hashes[i]);
		size_t block = (size_t)EVP_MD_get_block_size(hashes[i]);
		int words = hex_decode(starts[i], strlen(starts[i]), start,
				       sizeof(start));

		for (size_t n = 0; n <= block; n++) {
			cr_assert(sha2_finish(size,
					      view_of(start, (size_t)words), 0,
					      view_of(text, n), ours));
			cr_assert_eq(EVP_Digest(text, n, theirs, NULL,
						hashes[i], NULL),
				     1);
			cr_assert_arr_eq(ours, theirs, size);
		}
		cr_assert_not(sha2_finish(size, view_of(start, (size_t)words),
					  1, view_of(text, 0), ours));
		cr_assert_not(sha2_finish(size, view_of(start, (size_t)words),
					  0, view_of(text, block + 1), ours));
		cr_assert_not(sha2_finish(size, view_of(start, 28), 0,
					  view_of(text, 0), ours));
	}
}

/*
 * The chaining value after 64 bytes "a" (computed with another program), then
 * "b": the hash of all 65.
 */
Test(sha2, goes_on_from_the_middle)
{
	uint8_t state[32], digest[64], theirs[64], text[65];

	memset(text, 'a', 64);
	text[64] = 'b';
	hex_decode(
		"DF5BB81CE81E0626FB45A8944FD40F31B25E6816D6D499C1AB90492900635E66",
		64, state, sizeof(state));
	cr_assert(sha2_finish(32, view_of(state, 32), 64, view_of(text + 64, 1),
			      digest));
	EVP_Digest(text, 65, theirs, NULL, EVP_sha256(), NULL);
	cr_assert_arr_eq(digest, theirs, 32);
}
