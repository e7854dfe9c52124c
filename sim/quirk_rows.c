// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of quirks: a row a manner. */
#include "quirk_rows.h"

const struct quirk_row quirk_rows[QUIRK_COUNT] = {
	[QUIRK_ECHO] = {"echo", ALONE, SWITCH, 0, 0,
			"commands are echoed whatever ATE0 said"},
	[QUIRK_NO_QUOTES] = {"no-quotes", ALONE, SWITCH, 0, 0,
			     "answers carry their hex without quotes"},
	[QUIRK_NO_SPACE] = {"no-space", ALONE, SWITCH, 0, 0,
			    "no space after \"+CSIM:\""},
	[QUIRK_SPACE_COLON] = {"space-colon", ALONE, SWITCH, 0, 0,
			       "a space before the colon and after the comma"},
	[QUIRK_LOWER_HEX] = {"lower-hex", ALONE, SWITCH, 0, 0,
			     "answers carry lower-case hex"},
	[QUIRK_UPPER_ONLY] = {"upper-only", ALONE, SWITCH, 0, 0,
			      "lower-case commands and hex are refused"},
	[QUIRK_BLANK_LINES] = {"blank-lines", ALONE, SWITCH, 0, 0,
			       "blank lines around every line"},
	[QUIRK_CR_ONLY] = {"cr-only", LINE_ENDS, SWITCH, 0, 0,
			   "lines end with a carriage return alone"},
	[QUIRK_LF_ONLY] = {"lf-only", LINE_ENDS, SWITCH, 0, 0,
			   "lines end with a line feed alone"},
	[QUIRK_URC] = {"urc", ALONE, SWITCH, 0, 0,
		       "unsolicited lines before and inside answers"},
	[QUIRK_SPLIT] = {"split", ALONE, 3, 1, 256,
			 "answers leave N bytes at a time, 1 ms apart"},
	[QUIRK_STALE] = {"stale", ALONE, SWITCH, 0, 0,
			 "the end of the last answer stands before the new "
			 "one, on its line"},
	[QUIRK_LATE_OK] = {"late-ok", ALONE, 20, 0, 60000,
			   "the final line leaves alone, N ms later"},
	[QUIRK_CME_TEXT] = {"cme-text", ERRORS, SWITCH, 0, 0,
			    "errors are +CME ERROR with text, whatever CMEE"},
	[QUIRK_CME_NUMBER] = {"cme-number", ERRORS, SWITCH, 0, 0,
			      "errors are +CME ERROR with a number, whatever "
			      "CMEE"},
	[QUIRK_PLAIN_ERROR] = {"plain-error", ERRORS, SWITCH, 0, 0,
			       "errors are ERROR alone, whatever CMEE"},
	[QUIRK_WRONG_LENGTH] = {"wrong-length", ALONE, SWITCH, 0, 0,
				"the length field of +CSIM counts six too "
				"many"},
	[QUIRK_CUT_256] = {"cut-256", ALONE, 256, 4, 512,
			   "the modem cuts the hex of an answer after N "
			   "characters"},
	[QUIRK_NO_CSIM_TEST] = {"no-csim-test", ALONE, SWITCH, 0, 0,
				"AT+CSIM=? is answered with an error"},
	[QUIRK_STRICT_P3] = {"strict-p3", ALONE, SWITCH, 0, 0,
			     "the modem refuses (CME 3) a command whose fifth "
			     "byte is not the count of bytes behind it"},
	[QUIRK_BASIC_ONLY] = {"basic-only", ALONE, SWITCH, 0, 0,
			      "the modem refuses (CME 3) commands on a logical "
			      "channel"},
	[QUIRK_LONG_IGNORED] = {"long-ignored", ALONE, 256, 16, 522,
				"commands of N hex characters and more get no "
				"answer"},
	[QUIRK_NO_CSIM] = {"no-csim", ALONE, SWITCH, 0, 0,
			   "AT+CSIM is unknown"},
	[QUIRK_NO_CGLA] = {"no-cgla", ALONE, SWITCH, 0, 0,
			   "AT+CCHO, AT+CGLA and AT+CCHC are unknown"},
	[QUIRK_CCHO_BARE] = {"ccho-bare", ALONE, SWITCH, 0, 0,
			     "AT+CCHO answers its number without \"+CCHO: \""},
	[QUIRK_CCHO_HANDLE] = {"ccho-handle", ALONE, SWITCH, 0, 0,
			       "AT+CCHO answers sixteen hex digits"},
	[QUIRK_CCHC_LINE] = {"cchc-line", ALONE, SWITCH, 0, 0,
			     "AT+CCHC answers \"+CCHC\" before OK"},
	[QUIRK_NO_CRSM] = {"no-crsm", ALONE, SWITCH, 0, 0,
			   "the modem has no AT+CRSM"},
	[QUIRK_MAKER_ICCID] = {"maker-iccid", ALONE, 1, 1, 5,
			       "a maker's command tells the ICCID: 1 AT+CCID, "
			       "2 AT+QCCID, 3 AT+ICCID, 4 AT^ICCID?, 5 "
			       "AT#CCID, each in its own form"},
	[QUIRK_NO_CGLA_TEST] = {"no-cgla-test", ALONE, SWITCH, 0, 0,
				"AT+CCHO=?, AT+CGLA=? and AT+CCHC=? are "
				"answered with an error"},
	[QUIRK_SILENT_TEST] = {"silent-test", ALONE, SWITCH, 0, 0,
			       "AT+CSIM=? and its like get no answer"},
	[QUIRK_NO_CCHC] = {"no-cchc", ALONE, SWITCH, 0, 0,
			   "AT+CCHC is unknown"},
	[QUIRK_CGLA_CLASS] = {"cgla-class", ALONE, SWITCH, 0, 0,
			      "AT+CGLA wants the number of the channel in the "
			      "class byte; AT+CCHO gives that number"},
	[QUIRK_NO_CHANNELS] = {"no-channels", ALONE, SWITCH, 0, 0,
			       "the modem refuses (CME 3) MANAGE CHANNEL and "
			       "commands on a logical channel"},
	[QUIRK_FETCHES] = {"fetches", ALONE, SWITCH, 0, 0,
			   "the modem fetches what 61xx announces and refuses "
			   "(CME 3) GET RESPONSE"},
	[QUIRK_C0_CLASS_0X] =
		{"c0-class-0x", ALONE, SWITCH, 0, 0,
		 "the modem refuses (CME 3) GET RESPONSE of class "
		 "8X"},
	[QUIRK_NO_CMEE] = {"no-cmee", ALONE, SWITCH, 0, 0,
			   "AT+CMEE is unknown"},
	[QUIRK_OK_FIRST] = {"ok-first", ALONE, SWITCH, 0, 0,
			    "+CSIM, +CCHO and +CGLA stand behind their OK"},
	[QUIRK_URC_AFTER] = {"urc-after", ALONE, SWITCH, 0, 0,
			     "unsolicited lines behind the final line"},
	[QUIRK_PAUSE] = {"pause", ALONE, 20, 1, 60000,
			 "a command sooner than N ms after an answer is lost"},
	[QUIRK_BOOT] = {"boot", ALONE, 500, 1, 600000,
			"nothing is heard in the first N ms; then RDY"},
	[QUIRK_SIM_SLOW] = {"sim-slow", ALONE, 500, 1, 600000,
			    "the SIM is busy (CME 14) in the first N ms"},
	[QUIRK_ASLEEP] = {"asleep", ALONE, 0, 0, 60000,
			  "the SIM is refused (CME 3) until AT+ECSIMSLEEP=0, "
			  "and again after N commands (0: never)"},
	[QUIRK_LOCK] = {"lock", ALONE, SWITCH, 0, 0,
			"the SIM is refused (CME 3) until AT+CSIM=1 and after "
			"AT+CSIM=0"},
	[QUIRK_LOSE_FIRST] = {"lose-first", ALONE, SWITCH, 0, 0,
			      "the first command of all is lost"},
	[QUIRK_LOSE_SELECT] = {"lose-select", ALONE, SWITCH, 0, 0,
			       "the first SELECT on a new channel is dropped "
			       "(CME 0)"},
	[QUIRK_LOSE_SOME] = {"lose-some", ALONE, 7, 2, 10000,
			     "every N-th command for the card is dropped "
			     "(CME 0)"},
	[QUIRK_DIRECT] = {"direct", ALONE, SWITCH, 0, 0,
			  "data comes with the first answer, never 61xx"},
	[QUIRK_6CXX] = {"6cxx", ALONE, SWITCH, 0, 0,
			"an Le that is not exact is answered 6Cxx"},
	[QUIRK_LE_61XX] = {"le-61xx", ALONE, SWITCH, 0, 0,
			   "an Le that is too short gets so much and 61xx, not "
			   "6Cxx (Java cards under T=0)"},
	[QUIRK_91XX] = {"91xx", ALONE, 0x0B, 0, 0xFF,
			"success is 91xx (a proactive command waits), not "
			"9000"},
	[QUIRK_CHAINED_61] = {"chained-61", ALONE, 32, 1, 255,
			      "GET RESPONSE hands out at most N bytes at a "
			      "time"},
	[QUIRK_CLASS_0X] = {"class-0x", CLASSES, SWITCH, 0, 0,
			    "applet commands of class 8X and CX get 6E00"},
	[QUIRK_CLASS_8X] = {"class-8x", CLASSES, SWITCH, 0, 0,
			    "applet commands of class 0X and 4X get 6E00"},
	[QUIRK_IMPLICIT_CHANNEL] = {"implicit-channel", ALONE, SWITCH, 0, 0,
				    "channel 1 is open without being opened"},
	[QUIRK_MAX_CHANNELS] = {"max-channels", ALONE, 3, 0, 19,
				"the card has N logical channels beside the "
				"basic one (3)"},
	[QUIRK_CHANNEL_OPEN_00] = {"channel-open-00", OPENING, SWITCH, 0, 0,
				   "a channel opens with Le 00 only, else "
				   "6700"},
	[QUIRK_CHANNEL_OPEN_01] = {"channel-open-01", OPENING, SWITCH, 0, 0,
				   "a channel opens with Le 01 only, else "
				   "6C01"},
	[QUIRK_FCI] = {"fci", ALONE, SWITCH, 0, 0,
		       "SELECT of the applet answers with file control data"},
	[QUIRK_NO_SFI] = {"no-sfi", ALONE, SWITCH, 0, 0,
			  "EF_ICCID has no short name: READ BINARY by it gets "
			  "6A82"},
	[QUIRK_NO_ICCID] = {"no-iccid", ALONE, SWITCH, 0, 0,
			    "nobody may read EF_ICCID: 6982"},
	[QUIRK_PIN] = {"pin", ALONE, 1234, 1000, 99999999,
		       "the SIM has this PIN, without which its keys are "
		       "closed (6982)"},
	[QUIRK_PIN_TRIES] = {"pin-tries", ALONE, 3, 0, 3,
			     "so many tries of the PIN are left"},
	[QUIRK_PIN_MODEM] = {"pin-modem", ALONE, SWITCH, 0, 0,
			     "without the PIN the modem lets nothing through "
			     "but the question for the tries: +CME ERROR: 11"},
	[QUIRK_SIG8] = {"sig8", LENGTH_33, SWITCH, 0, 0,
			"a signature is 33 40 r s (one-byte length)"},
	[QUIRK_SIG16] = {"sig16", LENGTH_33, SWITCH, 0, 0,
			 "a signature is 33 00 40 r s (two-byte length; the "
			 "default)"},
	[QUIRK_SIG_DER] = {"sig-der", ALONE, SWITCH, 0, 0,
			   "the value of a signature is DER, not r s"},
	[QUIRK_SIG_BER81] = {"sig-ber81", LENGTH_33, SWITCH, 0, 0,
			     "a signature is 33 81 40 r s (BER long length)"},
	[QUIRK_BARE_LIST] = {"bare-list", ALONE, SWITCH, 0, 0,
			     "objects come without C1..C4 around them"},
	[QUIRK_PAGED_LIST] = {"paged-list", ALONE, 64, 1, 255,
			      "the object list comes in 6300 pages of N bytes, "
			      "cut anywhere"},
	[QUIRK_TAG92] = {"tag92", ALONE, SWITCH, 0, 0,
			 "tag 92 of an object says length 2 and has one byte"},
	[QUIRK_NO_GET_DATA] = {"no-get-data", ALONE, SWITCH, 0, 0,
			       "GET DATA is unknown (6D00)"},
	[QUIRK_BARE_PUBLIC_KEY] = {"bare-public-key", ALONE, 65, 64, 65,
				   "READ PUBLIC KEY answers without tags: 65 "
				   "bytes 04 X Y, or 64 bytes X Y"},
	[QUIRK_SHORT_READ] = {"short-read", ALONE, 255, 1, 256,
			      "READ FILE gives at most N bytes (255)"},
	[QUIRK_ZERO_PAD] = {"zero-pad", ALONE, SWITCH, 0, 0,
			    "READ FILE gives zeros past the end, not 6A86"},
	[QUIRK_STRICT_SESSION] = {"strict-session", ALONE, SWITCH, 0, 0,
				  "one session in all, and INIT is refused "
				  "(6985) until it is closed"},
	[QUIRK_NO_SESSION_0] = {"no-session-0", ALONE, SWITCH, 0, 0,
				"session number 00 is refused (6A86)"},
	[QUIRK_STRICT_HASH] = {"strict-hash", ALONE, SWITCH, 0, 0,
			       "the digest must have the length of the hash "
			       "named in INIT"},
	[QUIRK_STUCK_SESSION] = {"stuck-session", ALONE, SWITCH, 0, 0,
				 "what an INIT began and no last UPDATE ended "
				 "blocks (6985; 6A86 for session 00) until it "
				 "is closed or gets one, also after a reset"},
	[QUIRK_SHARED_SESSION] = {"shared-session", ALONE, SWITCH, 0, 0,
				  "sign, verify and put-key have one set of "
				  "session numbers, and a new session ends its "
				  "namesake"},
	[QUIRK_STRICT_USAGE] = {"strict-usage", ALONE, SWITCH, 0, 0,
				"a key of usage 02 or 03 (CertificateVerify) "
				"takes mode 03 only, else 6985"},
	[QUIRK_STRICT_33] = {"strict-33", ALONE, SWITCH, 0, 0,
			     "a signature to verify must have the form the "
			     "card gives its own (6A80)"},
	[QUIRK_PRF_BARE] = {"prf-bare", ALONE, SWITCH, 0, 0,
			    "COMPUTE PRF modes 01 and 02 join the secrets "
			    "without zeros and counts"},
	[QUIRK_PRF_NO_KEY] = {"prf-no-key", ALONE, SWITCH, 0, 0,
			      "COMPUTE PRF mode 00 takes no key beside the "
			      "secret (6A80)"},
	[QUIRK_HKDF_NO_KEY] = {"hkdf-no-key", ALONE, SWITCH, 0, 0,
			       "COMPUTE HKDF takes a secret from the host "
			       "only, no key of the card (6A80)"},
	[QUIRK_G1] = {"g1", ALONE, SWITCH, 0, 0,
		      "Trust Onboard: the issuers are those of the first "
		      "generation, which have expired"},
	[QUIRK_WRONG_CHAIN] =
		{"wrong-chain", ALONE, SWITCH, 0, 0,
		 "Trust Onboard: behind the Available certificate "
		 "stand the issuers of the Signing one"},
	[QUIRK_TYPE_LABELS] = {"type-labels", ALONE, SWITCH, 0, 0,
			       "mIAS: the data objects are CERT_TYPE_A and "
			       "PRIV_TYPE_A, not CERT_AVAILABLE and "
			       "PRIV_AVAILABLE"},
	[QUIRK_KEY_NUL] = {"key-nul", ALONE, 1, 0, 255,
			   "Trust Onboard: N zero bytes stand behind the "
			   "Available key"},
	[QUIRK_KXC_ZLIB] = {"kxc-zlib", ALONE, SWITCH, 0, 0,
			    "mIAS: the Signing certificate is compressed: 01 "
			    "00, its length in little-endian, zlib"},
	[QUIRK_SIGN_ONLY] = {"sign-only", ALONE, SWITCH, 0, 0,
			     "mIAS: the key signs and does not decipher: "
			     "number 4X, certificate kscNN"},
	[QUIRK_CONTAINER] = {"container", ALONE, 1, 0, 14,
			     "mIAS: the key is in container N, behind empty "
			     "ones"},
	[QUIRK_P11_FIELDS] = {"p11-fields", ALONE, SWITCH, 0, 0,
			      "mIAS: data objects have an application, an "
			      "object id, and blanks behind their label"},
	[QUIRK_P11_PIN] = {"p11-pin", ALONE, SWITCH, 0, 0,
			   "mIAS: the certificate's data object is read with "
			   "the PIN only, as the key's"},
	[QUIRK_MORE_FILES] = {"more-files", ALONE, SWITCH, 0, 0,
			      "mIAS: the directory has files of no meaning for "
			      "us, too"},
	[QUIRK_FILE_DER] = {"file-der", ALONE, SWITCH, 0, 0,
			    "file applet: the Available certificate is DER, "
			    "alone"},
	[QUIRK_FILE_PAD] = {"file-pad", ALONE, 64, 1, 8192,
			    "file applet: N bytes FF stand behind each "
			    "content"},
	[QUIRK_SIZE_TAG] = {"size-tag", ALONE, SWITCH, 0, 0,
			    "Trust Onboard: SELECT tells a file's size under "
			    "the other tag: mIAS 80, the file applet 81"},
	[QUIRK_DEAD_ENTRY] = {"dead-entry", ALONE, 1, 1, 2,
			      "mIAS: the directory has a data object whose "
			      "file 1: is not there (6A82), 2: nobody may read "
			      "(6982)"},
	[QUIRK_SPLIT_SIGNATURE] = {"split-signature", ALONE, 128, 1, 255,
				   "mIAS: COMPUTE SIGNATURE gives N bytes and "
				   "61xx"},
	[QUIRK_DECIPHER_WAITS] = {"decipher-waits", ALONE, SWITCH, 0, 0,
				  "mIAS: DECIPHER answers a bare 9000, and the "
				  "text waits for GET RESPONSE"},
	[QUIRK_SIGNATURE_WAITS] = {"signature-waits", ALONE, SWITCH, 0, 0,
				   "mIAS: COMPUTE SIGNATURE answers a bare "
				   "9000, and the signature waits for GET "
				   "RESPONSE"},
	[QUIRK_NO_TRIES] = {"no-tries", ALONE, SWITCH, 0, 0,
			    "Trust Onboard: VERIFY without data is refused "
			    "(6700), not answered with the tries"},
	[QUIRK_TOB_TRIES] = {"tob-tries", ALONE, 1, 0, 3,
			     "Trust Onboard: so many tries of each PIN are "
			     "left at start (0: blocked)"},
	[QUIRK_NO_SHA512] = {"no-sha512", ALONE, SWITCH, 0, 0,
			     "mIAS: no signature with SHA-512 (6A80)"},
	[QUIRK_READ_6282] = {"read-6282", ALONE, SWITCH, 0, 0,
			     "Trust Onboard: READ BINARY past the end gives "
			     "what is there and 6282, not 6Cxx"},
};
