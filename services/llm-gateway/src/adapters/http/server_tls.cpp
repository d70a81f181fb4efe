#include "adapters/http/server_tls.hpp"

#include <algorithm>

#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace {

constexpr auto kLookAgain = std::chrono::minutes(1);

Error unusable(const std::string& file, const boost::system::error_code& error) {
  return Error{Code::InvalidArgument, "tls: can't use " + file + ": " + error.message()};
}

}  // namespace

Result<std::unique_ptr<ServerTls>> ServerTls::create(Files files) {
  if (files.cert_file.empty()) return std::unique_ptr<ServerTls>();
  std::unique_ptr<ServerTls> made(new ServerTls(std::move(files)));
  BOOST_OUTCOME_TRY(made->context_, made->load());
  made->loaded_ = made->newest();
  made->looked_ = std::chrono::steady_clock::now();
  return made;
}

std::filesystem::file_time_type ServerTls::newest() const {
  std::filesystem::file_time_type newest{};
  for (const std::string* file : {&files_.cert_file, &files_.key_file, &files_.ca_file}) {
    std::error_code missing;
    const auto time = std::filesystem::last_write_time(*file, missing);
    if (!missing) newest = std::max(newest, time);
  }
  return newest;
}

Result<std::shared_ptr<ssl::context>> ServerTls::load() const {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  boost::system::error_code error;
  context->use_certificate_chain_file(files_.cert_file, error);
  if (error) return unusable(files_.cert_file, error);
  context->use_private_key_file(files_.key_file, ssl::context::pem, error);
  if (error) return unusable(files_.key_file, error);
  if (files_.ca_file.empty()) return context;
  context->load_verify_file(files_.ca_file, error);
  if (error) return unusable(files_.ca_file, error);
  const int mode = ssl::verify_peer | (files_.require_client_cert ? ssl::verify_fail_if_no_peer_cert : 0);
  context->set_verify_mode(mode, error);
  return context;
}

std::shared_ptr<ssl::context> ServerTls::context() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLookAgain) return context_;
  looked_ = now;
  const auto time = newest();
  if (time == loaded_) return context_;
  auto fresh = load();
  if (fresh) {
    context_ = std::move(fresh.value());
    loaded_ = time;
    log::info("certificate read again", {{"file", files_.cert_file}});
  } else {
    log::warn("certificate stays the old one", {{"cause", fresh.error().message}});
  }
  return context_;
}

}  // namespace swarm::gateway
