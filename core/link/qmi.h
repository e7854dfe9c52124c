/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The link that speaks QMI. */
#ifndef LINK_QMI_H
#define LINK_QMI_H

#include "link/link.h"

extern const struct link_kind qmi_kind;

#endif
