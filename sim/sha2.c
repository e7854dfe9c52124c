// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SHA-2 from the middle: signature mode 2 starts from a chaining value, which
 * libcrypto's EVP functions do not take. FIPS 180-4, both word sizes in one.
 */
#include "sha2.h"

#include <string.h>

struct family {
	unsigned int bits; /* of a word */
	size_t block;	   /* bytes */
	size_t rounds;
	unsigned char big0[3], big1[3];	    /* rotations of 4.1.2 and 4.1.3 */
	unsigned char small0[3], small1[3]; /* two rotations and a shift */
};

static const struct family sha256 = {
	.bits = 32,
	.block = 64,
	.rounds = 64,
	.big0 = {2, 13, 22},
	.big1 = {6, 11, 25},
	.small0 = {7, 18, 3},
	.small1 = {17, 19, 10},
};

static const struct family sha512 = {
	.bits = 64,
	.block = 128,
	.rounds = 80,
	.big0 = {28, 34, 39},
	.big1 = {14, 18, 41},
	.small0 = {1, 8, 7},
	.small1 = {19, 61, 6},
};

/* 4.2.3; SHA-256 takes the upper halves of the first 64. */
static const uint64_t constants[80] = {
	0x428A2F98D728AE22, 0x7137449123EF65CD, 0xB5C0FBCFEC4D3B2F,
	0xE9B5DBA58189DBBC, 0x3956C25BF348B538, 0x59F111F1B605D019,
	0x923F82A4AF194F9B, 0xAB1C5ED5DA6D8118, 0xD807AA98A3030242,
	0x12835B0145706FBE, 0x243185BE4EE4B28C, 0x550C7DC3D5FFB4E2,
	0x72BE5D74F27B896F, 0x80DEB1FE3B1696B1, 0x9BDC06A725C71235,
	0xC19BF174CF692694, 0xE49B69C19EF14AD2, 0xEFBE4786384F25E3,
	0x0FC19DC68B8CD5B5, 0x240CA1CC77AC9C65, 0x2DE92C6F592B0275,
	0x4A7484AA6EA6E483, 0x5CB0A9DCBD41FBD4, 0x76F988DA831153B5,
	0x983E5152EE66DFAB, 0xA831C66D2DB43210, 0xB00327C898FB213F,
	0xBF597FC7BEEF0EE4, 0xC6E00BF33DA88FC2, 0xD5A79147930AA725,
	0x06CA6351E003826F, 0x142929670A0E6E70, 0x27B70A8546D22FFC,
	0x2E1B21385C26C926, 0x4D2C6DFC5AC42AED, 0x53380D139D95B3DF,
	0x650A73548BAF63DE, 0x766A0ABB3C77B2A8, 0x81C2C92E47EDAEE6,
	0x92722C851482353B, 0xA2BFE8A14CF10364, 0xA81A664BBC423001,
	0xC24B8B70D0F89791, 0xC76C51A30654BE30, 0xD192E819D6EF5218,
	0xD69906245565A910, 0xF40E35855771202A, 0x106AA07032BBD1B8,
	0x19A4C116B8D2D0C8, 0x1E376C085141AB53, 0x2748774CDF8EEB99,
	0x34B0BCB5E19B48A8, 0x391C0CB3C5C95A63, 0x4ED8AA4AE3418ACB,
	0x5B9CCA4F7763E373, 0x682E6FF3D6B2B8A3, 0x748F82EE5DEFB2FC,
	0x78A5636F43172F60, 0x84C87814A1F0AB72, 0x8CC702081A6439EC,
	0x90BEFFFA23631E28, 0xA4506CEBDE82BDE9, 0xBEF9A3F7B2C67915,
	0xC67178F2E372532B, 0xCA273ECEEA26619C, 0xD186B8C721C0C207,
	0xEADA7DD6CDE0EB1E, 0xF57D4F7FEE6ED178, 0x06F067AA72176FBA,
	0x0A637DC5A2C898A6, 0x113F9804BEF90DAE, 0x1B710B35131C471B,
	0x28DB77F523047D84, 0x32CAAB7B40C72493, 0x3C9EBE0A15C9BEBC,
	0x431D67C49C100D4C, 0x4CC5D4BECB3E42B6, 0x597F299CFC657E2A,
	0x5FCB6FAB3AD6FAEC, 0x6C44198C4A475817,
};

static uint64_t word(const struct family *family, uint64_t x)
{
	return family->bits == 32 ? x & 0xFFFFFFFF : x;
}

static uint64_t rotate(const struct family *family, uint64_t x, unsigned int n)
{
	return word(family, x >> n | x << (family->bits - n));
}

static uint64_t big(const struct family *family, const unsigned char by[3],
		    uint64_t x)
{
	return rotate(family, x, by[0]) ^ rotate(family, x, by[1]) ^
	       rotate(family, x, by[2]);
}

static uint64_t small(const struct family *family, const unsigned char by[3],
		      uint64_t x)
{
	return rotate(family, x, by[0]) ^ rotate(family, x, by[1]) ^ x >> by[2];
}

static uint64_t load(const struct family *family, const uint8_t *data)
{
	uint64_t x = 0;

	for (unsigned int i = 0; i < family->bits / 8; i++)
		x = x << 8 | data[i];
	return x;
}

static void schedule(const struct family *family, const uint8_t *block,
		     uint64_t w[80])
{
	for (size_t t = 0; t < 16; t++)
		w[t] = load(family, block + t * family->bits / 8);
	for (size_t t = 16; t < family->rounds; t++)
		w[t] = word(family,
			    small(family, family->small1, w[t - 2]) + w[t - 7] +
				    small(family, family->small0, w[t - 15]) +
				    w[t - 16]);
}

/* 6.2.2 and 6.4.2; s is a to h. */
static void compress(const struct family *family, uint64_t state[8],
		     const uint8_t *block)
{
	uint64_t w[80];
	uint64_t s[8];

	schedule(family, block, w);
	memcpy(s, state, sizeof(s));
	for (size_t t = 0; t < family->rounds; t++) {
		uint64_t k = constants[t] >> (64 - family->bits);
		uint64_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
		uint64_t major = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
		uint64_t t1 = s[7] + big(family, family->big1, s[4]) + choice +
			      k + w[t];
		uint64_t t2 = big(family, family->big0, s[0]) + major;

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] = word(family, s[4] + t1);
		s[0] = word(family, t1 + t2);
	}
	for (size_t i = 0; i < 8; i++)
		state[i] = word(family, state[i] + s[i]);
}

/* 5.1: one bit, zeros, and the length in bits at the end of a block. */
static size_t pad(const struct family *family, struct view rest, size_t counted,
		  uint8_t padded[256])
{
	size_t length_size = family->bits / 4;
	size_t size = family->block;
	uint64_t length = (uint64_t)(counted + rest.size) * 8;

	if (rest.size + 1 + length_size > size)
		size *= 2;
	memset(padded, 0, size);
	if (rest.size > 0)
		memcpy(padded, rest.data, rest.size);
	padded[rest.size] = 0x80;
	for (size_t i = 1; i <= 8; i++, length >>= 8)
		padded[size - i] = (uint8_t)length;
	return size;
}

bool sha2_finish(size_t digest_size, struct view state, size_t counted,
		 struct view rest, uint8_t digest[SHA2_DIGEST_MAX])
{
	const struct family *family = digest_size == 32 ? &sha256 : &sha512;
	size_t step = family->bits / 8;
	uint8_t padded[256];
	uint64_t words[8];
	size_t size;

	if (state.size != 8 * step || counted % family->block != 0 ||
	    rest.size > family->block)
		return false;
	for (size_t i = 0; i < 8; i++)
		words[i] = load(family, state.data + i * step);
	size = pad(family, rest, counted, padded);
	for (size_t at = 0; at < size; at += family->block)
		compress(family, words, padded + at);
	for (size_t i = 0; i < digest_size; i++)
		digest[i] = (uint8_t)(words[i / step] >>
				      (family->bits - 8 - 8 * (i % step)));
	return true;
}
