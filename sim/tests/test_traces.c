// SPDX-License-Identifier: LGPL-2.1-or-later
/* Exchanges recorded on real cards, in shape and length. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bench b;

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

#define line(command, expected)                                                \
	cr_assert_str_eq(bench_at(&b, command "\r"),                           \
			 "\r\n" expected "\r\n\r\nOK\r\n")

#define HELLO_WORLD                                                            \
	"B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9"

static void open_line(const char *profile)
{
	bench_open(&b, profile, NULL, NULL);
	bench_at(&b, "ATE0\r");
	line("AT+CSIM=10, \"0070000000\"", "+CSIM: 6,\"019000\"");
	line("AT+CSIM=24,\"01A4040007A0000005590010\"", "+CSIM: 4,\"9000\"");
}

Test(traces, zariot_makes_a_key_pair)
{
	static const char head[] =
		"\r\n+CSIM: 166,\"8403303031850330303234454943864104";
	const char *answer;

	open_line("zariot");
	line("AT+CSIM=20,\"81B90000058403303031\"", "+CSIM: 4,\"6151\"");
	answer = bench_at(&b, "AT+CSIM=10,\"81C0000051\"\r");
	cr_assert_eq(strncmp(answer, head, strlen(head)), 0);
	cr_assert_str_eq(answer + strlen(answer) - 13, "9000\"\r\n\r\nOK\r\n");
	bench_close(&b);
}

Test(traces, zariot_signs)
{
	char signature[129];
	char point[131];

	open_line("zariot");
	line("AT+CSIM=40,\"812A00010F8403303036A1010391020001920104\"",
	     "+CSIM: 4,\"9000\"");
	line("AT+CSIM=78,\"812B8001229E20" HELLO_WORLD "\"",
	     "+CSIM: 4,\"6143\"");
	bench_at(&b, "AT+CSIM=10,\"81C0000043\"\r");
	cr_assert_eq(strncmp(b.out, "\r\n+CSIM: 138,\"330040", 20), 0);
	snprintf(signature, sizeof(signature), "%.128s", b.out + 20);
	line("AT+CSIM=10, \"812A010100\"", "+CSIM: 4,\"9000\"");
	line("AT+CSIM=20, \"81CD0000058503303037\"", "+CSIM: 4,\"6147\"");
	bench_at(&b, "AT+CSIM=10,\"81C0000047\"\r");
	snprintf(point, sizeof(point), "%.130s", b.out + 14 + 12);
	cr_assert(bench_verifies(point, HELLO_WORLD, signature));
	line("AT+CSIM=10, \"0070800100\"", "+CSIM: 4,\"9000\"");
	bench_close(&b);
}

Test(traces, quantag_session)
{
	char signature[129];
	char point[131];
	const char *answer;

	bench_open(&b, "quantag", NULL, NULL);
	answers("00A404000FA00000003053F1240177010149534100", "9000");
	cr_assert_eq(strlen(bench_send(&b, "8084000010")), 2 * 16 + 4);
	answer = bench_send(&b, "80B900000484020002");
	cr_assert_eq(strncmp(answer, "840200028502000234454943864104", 30), 0);
	cr_assert_eq(strlen(answer), 2 * 79 + 4);
	snprintf(point, sizeof(point), "%.130s", answer + 28);
	answers("802A00010E84020002A1010191020001920104", "9000");
	answer = bench_send(&b, "802B80010A9B080102030405060708");
	cr_assert_eq(strlen(answer), 2 * 66 + 4);
	cr_assert_eq(strncmp(answer, "3340", 4), 0);
	snprintf(signature, sizeof(signature), "%.128s", answer + 4);
	/* SHA-256 of 01 to 08 */
	cr_assert(bench_verifies(
		point,
		"66840DDA154E8A113C31DD0AD32F7F3A366A80E8136979D8F5A101D3D29D6F72",
		signature));
	answers("802A0101", "9000");
	bench_close(&b);
}

Test(traces, quantag_tells_about_itself)
{
	bench_open(&b, "quantag", NULL, NULL);
	answers("00A404000FA00000003053F1240177010149534100", "9000");
	answers("80CB000044",
		"100110112011223344556677881122334455667788112233445566"
		"77881122334455667788B1010AB2010AB3010AB4010A61010F91020001"
		"9201046F0101940102B701019000");
	answers("80CBC2000485020002",
		"75023131850200026001024A01014B01134E01036101079202049102"
		"00076F01019000");
	answers("80CBC1000484020002",
		"74023131840200026001024A01014B01134E01036101079202049102"
		"00076F01019000");
	answers("80CBC3000483020001",
		"73023031830200016001014A0101210101200200409000");
	answers("80CBC4000486020004",
		"76023333860200046001034A01004B01A061010C9401029000");
	cr_assert_eq(strncmp(bench_send(&b, "80CB0100"),
			     "74023131840200026001024A01014B01134E0103610107"
			     "920204910200076F0101",
			     66),
		     0);
	bench_close(&b);
}

Test(traces, a_sim_without_the_applet)
{
	bench_open(&b, "gsma", NULL, "no-applet");
	answers("0070000001", "019000");
	answers("01A4040007A0000005590010", "6A82");
	answers("01CB010000", "6D00");
	answers("012A010100", "6D00");
	answers("012A00010E84021234A1010191020001920104", "6D00");
	answers("012C010100", "6A86");
	answers("012C00010E8502ABCDA1010191020001920104", "6700");
	answers("0070800100", "9000");
	bench_close(&b);
}

/* An applet of NTT's kind, through a channel of our own. */
Test(traces, ntt_signs_with_a_zero_length_get_response)
{
	bench_open(&b, "gsma", "sig8", NULL);
	bench_select(&b);
	answers("012A00010D840101A1010391020001920104", "9000");
	answers("012B8001229E202CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E"
		"73043362938B9824",
		"6142");
	cr_assert_eq(strlen(bench_send(&b, "01C0000000")), 2 * 66 + 4);
	bench_close(&b);
}
