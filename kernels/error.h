#pragma once

#include <stdexcept>
#include <string>

#include "kernels/export.h"

namespace wasserkern {

/// Every error of the library: one line that says what, where, and what to do.
class WASSERKERN_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit together; the message holds the values.
class WASSERKERN_API ShapeError : public Error {
 public:
  using Error::Error;
};

/// Bytes from outside that are missing, truncated or hostile; the message holds the file.
class WASSERKERN_API DataError : public Error {
 public:
  using Error::Error;
};

/// A device that is not there, is exhausted, or was used against its rules.
class WASSERKERN_API DeviceError : public Error {
 public:
  using Error::Error;
};

/// A request that makes no sense whatever the data: an unknown flag, q < 1.
class WASSERKERN_API UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace wasserkern
