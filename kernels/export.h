#pragma once

/// Marks what libwasserkern exports; everything else is hidden.
#if defined(__GNUC__)
#define WASSERKERN_API __attribute__((visibility("default")))
#else
#define WASSERKERN_API
#endif
