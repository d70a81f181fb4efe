#pragma once

#include <boost/json/object.hpp>

#include <string>

#include "libs/auth/jwk.hpp"

namespace swarm::auth {

/// Signs a token's payload as it is: for claims that go beyond those of jwt.hpp.
std::string sign_payload(const boost::json::object& payload, const PrivateKey& key);

}  // namespace swarm::auth
