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

/* And what the card says to a signature in the wrong place. */
Test(traces, zariot_verifies_its_own_signature)
{
	char data[512], signature[129];

	open_line("zariot");
	bench_do(&b, "812A0001", "8403303036 A10103 91020001 920104");
	snprintf(signature, sizeof(signature), "%.128s",
		 bench_do(&b, "812B8001", "9E20" HELLO_WORLD) + 6);
	line("AT+CSIM=40,\"812C00020F8503303037A1010391020001920104\"",
	     "+CSIM: 4,\"9000\"");
	snprintf(data, sizeof(data),
		 "AT+CSIM=212,\"812D8002659E20" HELLO_WORLD "330040%s\"\r",
		 signature);
	cr_assert_str_eq(bench_at(&b, data),
			 "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n");
	line("AT+CSIM=10, \"812A010100\"", "+CSIM: 4,\"9000\"");
	line("AT+CSIM=10, \"812C010200\"", "+CSIM: 4,\"9000\"");
	snprintf(data, sizeof(data), "9B050000863340330040%s", signature);
	cr_assert_str_eq(bench_do(&b, "812D8001", data), "6985");
	line("AT+CSIM=10, \"0070800100\"", "+CSIM: 4,\"9000\"");
	bench_close(&b);
}

/* Sixteen bytes of PRF behind a 61xx, as ZARIOT's card hands them out. */
Test(traces, zariot_derives)
{
	open_line("zariot");
	line("AT+CSIM=34,\"814800000CD10461626364D20153D30110\"",
	     "+CSIM: 4,\"6110\"");
	cr_assert_eq(strlen(bench_send(&b, "81C0000010")), 2 * 16 + 4);
	bench_close(&b);
}

#define PUT_HEAD "344549438641 04"

/* Puts a key of somebody's card into the slot and verifies with it. */
static void verifies(const char *point, const char *message,
		     const char *signature)
{
	char data[512];

	bench_open(&b, "full", NULL, NULL);
	bench_select(&b);
	cr_assert_str_eq(bench_do(&b, "81240003", "850106"), "9000");
	snprintf(data, sizeof(data), PUT_HEAD "%s", point);
	cr_assert_str_eq(bench_do(&b, "81D88003", data), "9000");
	cr_assert_str_eq(
		bench_do(&b, "812C0002", "850106 A10101 91020001 920104"),
		"9000");
	snprintf(data, sizeof(data), "%s 3340 %s", message, signature);
	cr_assert_str_eq(bench_do(&b, "812D8002", data), "9000");
	/* and no other signature than this one */
	cr_assert_str_eq(
		bench_do(&b, "812C0002", "850106 A10101 91020001 920104"),
		"9000");
	data[strlen(data) - 1] = data[strlen(data) - 1] == '0' ? '1' : '0';
	cr_assert_str_eq(bench_do(&b, "812D8002", data), "6D01");
	bench_close(&b);
}

Test(traces, quantag_signature_is_verified)
{
	verifies(
		"D569954216F62264F01B78ED599898D12C436A4633505DA18B008D5529E09AF2"
		"83ED5E453EDC8B5492704C1B8D48895857442057335B39078AF27A9008DC1401",
		"9B08 0102030405060708",
		"343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
		"E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B");
}

/* The token of a real SIM; header and claims are one text. */
Test(traces, thales_token_is_verified)
{
	static const char token[] =
		"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9."
		"eyJpZCI6IDQyLCJjbGFpbVR5cGUiOiAiY2xhaW1UeXBlIiwiY2xhaW1VcmwiOi"
		"JjbGFpbVVybCIgfQ";
	char message[300];

	snprintf(message, sizeof(message), "9B%02zX", sizeof(token) - 1);
	hex_encode((const uint8_t *)token, sizeof(token) - 1, message + 4);
	verifies(
		"954B6788AE9DB0647A8BFB3F700231C484928D1ECBFA5732E0EE053A54568A55"
		"BE3B547FFC72E86D1273CCAF2A1153E1A77DABF868199FC3BB3A05A88A8E1CFD",
		message,
		"C0C1B4B29EC17DD1838EF5B89C93C4EACC30104D1BED4BCF98C5A26306BBD73B"
		"8032E0E945B41AB20733DE596CD15D232E1ED78E67E714F6A1491B34121DCE51");
}

/* The peer of Thales' unit tests is taken, and agreed with. */
Test(traces, thales_peer_key_is_put)
{
	bench_open(&b, "thales", NULL, NULL);
	bench_select(&b);
	cr_assert_str_eq(bench_do(&b, "81240000", "850105"), "9000");
	cr_assert_str_eq(
		bench_do(
			&b, "81D88000",
			PUT_HEAD
			"9E5B7F778B7997617C8993B6406608EFE2D3F2D6751D6B3F5F5320FFFD6A7DC9"
			"A8F6C5C1474F64D668364AE2ED8DC4C1C6C4767423B013937B4499F52C4F89A0"),
		"9000");
	bench_do(&b, "81B90000", "840104");
	cr_assert_eq(strlen(bench_do(&b, "81460000", "840104 850105")), 68);
	bench_close(&b);
}

/* The two vectors of Thales' unit tests; D3 is FF and the first 48 count. */
Test(traces, thales_prf)
{
	static const char master[] =
		"A1F02A766DA04C8FD83A40E358267528F8D815C48E3DC353D55FE3861C350622"
		"C78B48FE6F49F6E13E1B6B175CFE59FB";
	const char *answer;

	bench_open(&b, "thales", NULL, NULL);
	bench_select(&b);
	answer = bench_do(
		&b, "81480000",
		"D120 C0485B054863F6DFA458789768B9035C6CACB160DD1A01834811F5783309"
		"DB81 D236 657874656E646564206D617374657220736563726574"
		"CE15B44D68440B652624244DB8D2FB7DD601C759E9EB627FB10529AB0DB76049"
		"D301FF");
	cr_assert_eq(strlen(answer), 2 * 255 + 4);
	cr_assert_eq(strncmp(answer, master, strlen(master)), 0);
	answer = bench_do(
		&b, "81480000",
		"D130 A1F02A766DA04C8FD83A40E358267528F8D815C48E3DC353D55FE3861C35"
		"0622 C78B48FE6F49F6E13E1B6B175CFE59FB"
		"D24D 6B657920657870616E73696F6E"
		"CB52E451A752CA812EA9646F2E5A0EC138C3D4D8AEFA744E17F0149986745081"
		"5DCADEED3917D046311A4B5D73BBD75E500CE963A7D05D8122EA9745F2E0D9E9"
		"D301FF");
	cr_assert_eq(strncmp(answer, "ED6C6644C075653F1919FD05A11A93C8", 32),
		     0);
	cr_assert_str_eq(answer + 2 * (255 - 16),
			 "922D80D1E7D3DA69669877125B8C0B41"
			 "9000");
	bench_close(&b);
}

/* The commands of NTT's own trace, on the class byte it was made with. */
Test(traces, ntt_signs_with_a_zero_length_get_response)
{
	bench_open(&b, "ntt", NULL, NULL);
	answers("0070000001", "019000");
	answers("01A4040010A0000001157000000000000049534102", "9000");
	answers("812A00010D840101A1010391020001920104", "6E00");
	answers("012A00010D840101A1010391020001920104", "9000");
	answers("012B8001229E202CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E"
		"73043362938B9824",
		"6142");
	cr_assert_eq(strlen(bench_send(&b, "01C0000000")), 2 * 66 + 4);
	bench_close(&b);
}

/* The same through the modem's own channel, as the trace has it. */
Test(traces, ntt_signs_through_cgla)
{
	static const char signature[] = "\r\n+CGLA: 136,\"3340";

	bench_open(&b, "ntt", NULL, NULL);
	bench_at(&b, "ATE0\r");
	line("AT+CCHO=\"A0000001157000000000000049534102\"", "+CCHO: 5");
	line("AT+CGLA=5,36,\"002A00010D840101A1010391020001920104\"",
	     "+CGLA: 4,\"9000\"");
	line("AT+CGLA=5,78,\"002B8001229E202CF24DBA5FB0A30E26E83B2AC5B9E29E1B16"
	     "1E5C1FA7425E73043362938B9824\"",
	     "+CGLA: 4,\"6142\"");
	bench_at(&b, "AT+CGLA=5,10,\"00C0000000\"\r");
	cr_assert_eq(strncmp(b.out, signature, strlen(signature)), 0);
	cr_assert_str_eq(b.out + strlen(b.out) - 13, "9000\"\r\n\r\nOK\r\n");
	cr_assert_str_eq(bench_at(&b, "AT+CCHC=5\r"), "\r\nOK\r\n");
	bench_close(&b);
}
