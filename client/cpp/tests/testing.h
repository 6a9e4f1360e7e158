// What the tests have in common.
#pragma once

#include <gtest/gtest.h>
#include <pixelzoo/error.h>

#include <cstdlib>
#include <string>

// A variable of the environment; empty if it is not set.
inline std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The error that `call` throws.
template <typename Call>
pixelzoo::Error ErrorOf(Call call) {
  try {
    call();
  } catch (const pixelzoo::Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {grpc::StatusCode::OK, "", ""};
}
