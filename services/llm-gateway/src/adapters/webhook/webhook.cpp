#include "adapters/webhook/webhook.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "libs/telemetry/json_line.hpp"

namespace swarm::gateway {
namespace {

std::string json(std::string_view text) {
  std::string out;
  log::append_json_string(out, text);
  return out;
}

std::string dollars(Money money) {
  std::array<char, 40> text{};
  const int n = std::snprintf(text.data(), text.size(), "$%.2f", money.usd());
  return std::string(text.data(), static_cast<std::size_t>(std::max(n, 0)));
}

std::string_view meaning(SpendState state) {
  switch (state) {
    case SpendState::Warned: return "80 % spent";
    case SpendState::Protected: return "95 % spent: only keys with priority are served";
    case SpendState::Blocked: return "100 % spent: requests are refused";
    case SpendState::Ok: break;
  }
  return "within its limit";
}

std::string sentence(const Alert& alert) {
  std::string text = "Budget " + alert.scope + ": " + std::string(meaning(alert.state)) + " (" + dollars(alert.spent) + " of " + dollars(alert.limit);
  if (alert.window != WindowKind::Total) text += " this " + std::string(name(alert.window));
  text += ")";
  if (alert.resets != WallTime::max()) text += ", starts again at " + log::timestamp(alert.resets).substr(0, 16) + "Z";
  return text;
}

std::size_t discard(char*, std::size_t size, std::size_t count, void*) { return size * count; }

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

std::optional<HookFormat> hook_format(std::string_view name) {
  if (name == "json") return HookFormat::Json;
  if (name == "slack") return HookFormat::Slack;
  if (name == "telegram") return HookFormat::Telegram;
  return std::nullopt;
}

std::string hook_body(const HookOptions& options, const Alert& alert) {
  const std::string text = sentence(alert);
  if (options.format == HookFormat::Slack) return "{\"text\":" + json(text) + "}";
  if (options.format == HookFormat::Telegram) {
    return "{\"chat_id\":" + json(options.chat) + ",\"text\":" + json(text) + ",\"disable_web_page_preview\":true}";
  }
  const bool ends = alert.resets != WallTime::max();
  return "{\"event\":\"budget\",\"at\":" + json(log::timestamp(alert.at)) + ",\"scope\":" + json(alert.scope) + ",\"window\":" +
         json(name(alert.window)) + ",\"window_start\":" + json(log::timestamp(alert.window_start)) + ",\"state\":" + json(name(alert.state)) +
         ",\"spent_nano_usd\":" + std::to_string(alert.spent.nano) + ",\"limit_nano_usd\":" + std::to_string(alert.limit.nano) +
         ",\"resets\":" + (ends ? json(log::timestamp(alert.resets)) : "null") + ",\"text\":" + json(text) + "}";
}

Result<void> Webhook::send(const Alert& alert) {
  const std::unique_ptr<CURL, CurlDeleter> curl(curl_easy_init());
  if (!curl) return Error{Code::Unavailable, "no memory for a web hook"};
  curl_slist* lines = curl_slist_append(nullptr, "content-type: application/json");
  if (!options_.authorization.empty()) lines = curl_slist_append(lines, ("authorization: " + options_.authorization.reveal()).c_str());
  const std::unique_ptr<curl_slist, ListDeleter> headers(lines);
  const std::string body = hook_body(options_, alert);
  curl_easy_setopt(curl.get(), CURLOPT_URL, options_.url.reveal().c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &discard);
  const CURLcode done = curl_easy_perform(curl.get());
  if (done != CURLE_OK) return Error{Code::Unavailable, curl_easy_strerror(done)};
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) return outcome::success();
  const bool again = status == 408 || status == 429 || status >= 500;
  return Error{again ? Code::Unavailable : Code::InvalidArgument, "it answered " + std::to_string(status)};
}

}  // namespace swarm::gateway
