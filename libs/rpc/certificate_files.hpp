#pragma once

#include <optional>
#include <string>

#include "libs/base/clock.hpp"

namespace swarm::rpc {

/// gRPC starts with any files, and then refuses every handshake without a word: so they are looked at before. Each answers
/// what is wrong with the file, in words; empty: nothing.

/// PEM with at least one certificate: a chain, or roots.
std::string fault_of_certificates(const std::string& file);
/// PEM with a private key that is not encrypted and belongs to the first certificate of `cert_file`.
std::string fault_of_key(const std::string& key_file, const std::string& cert_file);

/// When the first certificate of a PEM file ends. Nothing when there is none.
std::optional<WallTime> certificate_ends(const std::string& file);

}  // namespace swarm::rpc
