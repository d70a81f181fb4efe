#include "libs/auth/task_token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>

#include "libs/auth/base64url.hpp"

namespace swarm::auth {
namespace {

constexpr std::string_view kPrefix = "st1.";
constexpr std::size_t kTextBytesMax = 512;

/// Each part with its length, so that no two triples read the same.
std::string mac_of(const Secret& key, std::string_view task_id, std::string_view team, std::int64_t expires) {
  std::string text = "swarm-task-token";
  const std::string until = std::to_string(expires);
  for (const std::string_view part : {task_id, team, std::string_view(until)}) {
    text += '\n' + std::to_string(part.size()) + ':';
    text += part;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.reveal().data(), static_cast<int>(key.reveal().size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac.data(), &length);
  return base64url_encode({reinterpret_cast<const char*>(mac.data()), length});
}

/// The part up to the next dot, which is taken off the text.
std::string_view next_part(std::string_view& text) {
  const std::size_t dot = text.find('.');
  const std::string_view part = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return part;
}

}  // namespace

std::string sign_task_token(const Secret& key, const TaskToken& token) {
  const auto expires = unix_ms(token.expires) / 1000;
  return std::string(kPrefix) + std::to_string(expires) + '.' + base64url_encode(token.team) + '.' +
         mac_of(key, token.task_id, token.team, expires);
}

Result<TaskToken> verify_task_token(const Secret& key, std::string_view task_id, std::string_view text, WallTime now) {
  const auto bad = [](std::string_view why) { return Error{Code::Unauthenticated, "task token: " + std::string(why)}; };
  if (key.empty()) return bad("this server has no key to check it with");
  if (text.size() > kTextBytesMax || !text.starts_with(kPrefix)) return bad("malformed");
  text.remove_prefix(kPrefix.size());
  const std::string_view until = next_part(text);
  const auto team = base64url_decode(next_part(text));
  std::int64_t expires = 0;
  const auto [end, error] = std::from_chars(until.data(), until.data() + until.size(), expires);
  if (error != std::errc() || end != until.data() + until.size() || expires < 0 || !team) return bad("malformed");
  const std::string expected = mac_of(key, task_id, *team, expires);
  if (text.size() != expected.size() || CRYPTO_memcmp(text.data(), expected.data(), expected.size()) != 0) {
    return bad("not signed for this task");
  }
  if (unix_ms(now) / 1000 >= expires) return bad("expired");
  return TaskToken{std::string(task_id), *team, WallTime(std::chrono::seconds(expires))};
}

}  // namespace swarm::auth
