#pragma once

#include <string>
#include <string_view>

#include "libs/base/secret.hpp"
#include "ports/alerts.hpp"

namespace swarm::gateway {

/// What a hook's other side reads.
enum class HookFormat : std::uint8_t { Json, Slack, Telegram };
std::optional<HookFormat> hook_format(std::string_view name);

struct HookOptions {
  std::string name;
  Secret url;               // those of Slack and Telegram hold the credential
  HookFormat format = HookFormat::Json;
  std::string chat;         // Telegram's chat_id
  Secret authorization;     // sent as this header; empty: none
  std::chrono::milliseconds timeout{10'000};
};

/// An alert as a POST of JSON to one URL. Certificates are verified, redirects are not followed (they could carry the
/// alert elsewhere), answers are thrown away. No message holds the URL.
class Webhook final : public AlertChannel {
 public:
  explicit Webhook(HookOptions options) : options_(std::move(options)) {}
  const std::string& name() const override { return options_.name; }
  Result<void> send(const Alert& alert) override;

 private:
  HookOptions options_;
};

/// The request's body.
std::string hook_body(const HookOptions& options, const Alert& alert);

}  // namespace swarm::gateway
