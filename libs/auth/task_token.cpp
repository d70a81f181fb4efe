#include "libs/auth/task_token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "libs/auth/base64url.hpp"

namespace swarm::auth {
namespace {

constexpr std::string_view kPrefix = "st1.";
constexpr std::size_t kTextBytesMax = 2'048;
constexpr std::size_t kLimitsMax = 16;
// The first letter of a limit.
constexpr char kExpires = 'e';
constexpr char kRights = 'r';
constexpr char kPermissions = 'p';

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
  return {reinterpret_cast<const char*>(mac.data()), length};
}

/// Each part with its length, so that no two triples read the same.
std::string mac_of(const Secret& key, std::string_view task_id, std::string_view team, std::int64_t expires) {
  std::string text = "swarm-task-token";
  const std::string until = std::to_string(expires);
  for (const std::string_view part : {task_id, team, std::string_view(until)}) {
    text += '\n' + std::to_string(part.size()) + ':';
    text += part;
  }
  return hmac(key.reveal(), text);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  while (true) {
    const auto end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> seconds_of(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 0) return std::nullopt;
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : "\n") + name;
  return out;
}

/// What both lists hold; everything counts for a list that is not there.
std::vector<std::string> common(const std::optional<std::vector<std::string>>& before, const std::vector<std::string_view>& kept) {
  std::vector<std::string> out;
  for (const auto name : kept) {
    if (!name.empty() && (!before || std::find(before->begin(), before->end(), name) != before->end())) out.emplace_back(name);
  }
  return out;
}

/// False for a limit that this program does not know: it can't be kept to.
bool apply(std::string_view limit, TaskToken& token) {
  if (limit.empty()) return false;
  const char kind = limit.front();
  limit.remove_prefix(1);
  if (kind == kExpires) {
    const auto until = seconds_of(limit);
    if (until) token.expires = std::min(token.expires, WallTime(std::chrono::seconds(*until)));
    return until.has_value();
  }
  const auto names = base64url_decode(limit);
  if (!names || (kind != kRights && kind != kPermissions)) return false;
  auto& list = kind == kRights ? token.rights : token.permissions;
  list = common(list, split(*names, '\n'));
  return true;
}

}  // namespace

bool TaskToken::may(std::string_view right) const { return !rights || std::find(rights->begin(), rights->end(), right) != rights->end(); }

std::string sign_task_token(const Secret& key, const TaskToken& token) {
  const auto expires = unix_ms(token.expires) / 1000;
  return std::string(kPrefix) + std::to_string(expires) + '.' + base64url_encode(token.team) + '.' +
         base64url_encode(mac_of(key, token.task_id, token.team, expires));
}

Result<std::string> narrow_task_token(std::string_view text, const TaskTokenLimits& limits) {
  const Error bad{Code::InvalidArgument, "this is no task token"};
  const auto end = text.rfind('.');
  if (text.size() > kTextBytesMax || !text.starts_with(kPrefix) || split(text, '.').size() < 4) return bad;
  auto mac = base64url_decode(text.substr(end + 1));
  if (!mac) return bad;
  std::string out(text.substr(0, end));
  const auto add = [&](const std::string& limit) {
    out += '.' + limit;
    mac = hmac(*mac, limit);
  };
  if (limits.expires) add(kExpires + std::to_string(std::max<std::int64_t>(0, unix_ms(*limits.expires) / 1000)));
  if (limits.rights) add(kRights + base64url_encode(joined(*limits.rights)));
  if (limits.permissions) add(kPermissions + base64url_encode(joined(*limits.permissions)));
  out += '.' + base64url_encode(*mac);
  if (out.size() > kTextBytesMax || split(out, '.').size() > kLimitsMax + 4) return Error{Code::InvalidArgument, "the task token has too many limits"};
  return out;
}

Result<TaskToken> verify_task_token(const Secret& key, std::string_view task_id, std::string_view text, WallTime now) {
  const auto bad = [](std::string_view why) { return Error{Code::Unauthenticated, "task token: " + std::string(why)}; };
  if (key.empty()) return bad("this server has no key to check it with");
  if (text.size() > kTextBytesMax || !text.starts_with(kPrefix)) return bad("malformed");
  text.remove_prefix(kPrefix.size());
  const auto parts = split(text, '.');  // expiry, team, limits, mac
  if (parts.size() < 3 || parts.size() > kLimitsMax + 3) return bad("malformed");
  const auto until = seconds_of(parts[0]);
  const auto team = base64url_decode(parts[1]);
  if (!until || !team) return bad("malformed");
  TaskToken token{std::string(task_id), *team, WallTime(std::chrono::seconds(*until))};
  std::string mac = mac_of(key, task_id, *team, *until);
  bool known = true;
  for (std::size_t i = 2; i + 1 < parts.size(); ++i) {
    mac = hmac(mac, parts[i]);
    known = apply(parts[i], token) && known;
  }
  const std::string expected = base64url_encode(mac);
  const auto given = parts.back();
  if (given.size() != expected.size() || CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0) {
    return bad("not signed for this task");
  }
  if (!known) return bad("it has a limit that this server does not know");
  if (unix_ms(now) / 1000 >= unix_ms(token.expires) / 1000) return bad("expired");
  return token;
}

}  // namespace swarm::auth
