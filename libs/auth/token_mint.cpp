#include "libs/auth/token_mint.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "libs/auth/base64url.hpp"
#include "libs/auth/payload.hpp"
#include "libs/base/uuid.hpp"

namespace swarm::auth {
namespace {

constexpr std::size_t kTextMax = 200;

bool is_fingerprint(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string seconds(std::chrono::milliseconds time) { return std::to_string(time.count() / 1000) + " s"; }

/// What a renewal keeps of the token before it, beside what the guard tells of its bearer.
struct Origin {
  std::string issuer;
  std::int64_t first_issued_s = 0;
  std::string cert_fingerprint;
};

Result<Origin> read_origin(std::string_view token) {
  const Error malformed{Code::Unauthenticated, "the token has no payload that can be read"};
  const auto begin = token.find('.') + 1;
  const auto text = base64url_decode(token.substr(begin, token.find('.', begin) - begin));
  if (!text) return malformed;
  boost::system::error_code failed;
  const auto payload = boost::json::parse(*text, failed);
  if (failed || !payload.is_object()) return malformed;
  const auto& claims = payload.get_object();
  const auto* issued = claims.if_contains("iat");
  const auto* first = claims.if_contains("auth_time");
  if (issued == nullptr || !issued->is_number()) return malformed;
  Origin origin;
  if (const auto* issuer = claims.if_contains("iss"); issuer != nullptr && issuer->is_string()) origin.issuer = issuer->get_string();
  origin.first_issued_s = static_cast<std::int64_t>(issued->to_number<double>());
  if (first != nullptr && first->is_number()) origin.first_issued_s = std::min(origin.first_issued_s, static_cast<std::int64_t>(first->to_number<double>()));
  if (const auto* bound = claims.if_contains("cert_fingerprint"); bound != nullptr && bound->is_string()) origin.cert_fingerprint = bound->get_string();
  return origin;
}

}  // namespace

Result<std::chrono::milliseconds> TokenMint::lifetime_of(std::chrono::milliseconds wished) const {
  if (wished.count() == 0) return options_.lifetime_max;
  if (wished >= std::chrono::seconds(1) && wished <= options_.lifetime_max) return wished;
  return Error{Code::InvalidArgument, "lifetime_ms=" + std::to_string(wished.count()) + " is not between 1 s and " + seconds(options_.lifetime_max)};
}

Result<TokenMint::Minted> TokenMint::mint(const Principal& by, const Wish& wish) const {
  const bool humble = wish.role == Role::Agent || wish.role == Role::Viewer;
  if (by.role != Role::Admin && !humble) {
    return Error{Code::PermissionDenied, "role " + std::string(name(by.role)) + " may not make tokens of role " + std::string(name(wish.role))};
  }
  if (wish.subject.empty() || wish.subject.size() > kTextMax) return Error{Code::InvalidArgument, "subject is empty or longer than 200 bytes"};
  if (wish.team.size() > kTextMax) return Error{Code::InvalidArgument, "team is longer than 200 bytes"};
  if (!wish.cert_fingerprint.empty() && !is_fingerprint(wish.cert_fingerprint)) {
    return Error{Code::InvalidArgument, "cert_fingerprint is not 64 lower-case hexadecimal digits"};
  }
  BOOST_OUTCOME_TRY(const auto lifetime, lifetime_of(wish.lifetime));
  return make(wish, unix_ms(clock_.wall_now()) / 1000, lifetime);
}

Result<TokenMint::Minted> TokenMint::renew(const Principal& bearer, std::string_view token, std::chrono::milliseconds wished) const {
  if (!bearer.authenticated) return Error{Code::FailedPrecondition, "authentication is off here: no token is needed"};
  BOOST_OUTCOME_TRY(auto lifetime, lifetime_of(wished));
  BOOST_OUTCOME_TRY(const auto old, read_origin(token));
  // A token of ours would outlive the key of whoever issued the other.
  if (old.issuer != options_.issuer) return Error{Code::FailedPrecondition, "the token comes from another issuer; renew it there"};
  const auto ends = std::chrono::milliseconds(old.first_issued_s * 1000) + options_.renewal_max;
  const auto left = ends - std::chrono::milliseconds(unix_ms(clock_.wall_now()));
  if (left < std::chrono::seconds(1)) {
    return Error{Code::Unauthenticated, "the token was first issued more than " + seconds(options_.renewal_max) + " ago; get a new one"};
  }
  lifetime = std::min(lifetime, left);
  return make({bearer.subject, bearer.role, bearer.team, old.cert_fingerprint, lifetime}, old.first_issued_s, lifetime);
}

TokenMint::Minted TokenMint::make(const Wish& wish, std::int64_t first_issued_s, std::chrono::milliseconds lifetime) const {
  const auto now = clock_.wall_now();
  const auto expires = now + lifetime;
  boost::json::object payload{{"sub", wish.subject},      {"role", name(wish.role)},        {"iss", options_.issuer},
                              {"aud", options_.audience}, {"jti", uuid_v7(now)},            {"iat", unix_ms(now) / 1000},
                              {"exp", unix_ms(expires) / 1000}, {"auth_time", first_issued_s}};
  if (!wish.team.empty()) payload["team"] = wish.team;
  if (!wish.cert_fingerprint.empty()) payload["cert_fingerprint"] = wish.cert_fingerprint;
  return {sign_payload(payload, key_), expires};
}

}  // namespace swarm::auth
