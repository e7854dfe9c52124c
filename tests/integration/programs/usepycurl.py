# SPDX-License-Identifier: LGPL-2.1-or-later
"""pycurl as its own documentation has it. Arguments: URL, CA file."""

import sys

import pycurl

request = pycurl.Curl()
request.setopt(pycurl.URL, sys.argv[1])
request.setopt(pycurl.CAINFO, sys.argv[2])
request.setopt(pycurl.SSLCERT, "iotsafe:")
request.setopt(pycurl.SSLKEY, "iotsafe:")
request.setopt(pycurl.WRITEDATA, sys.stdout.buffer)
request.perform()
