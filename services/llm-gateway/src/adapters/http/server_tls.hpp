#pragma once

#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "libs/base/result.hpp"

namespace swarm::gateway {

/// The certificate that the HTTP port shows. The files are looked at again once a minute, so that a rotated certificate
/// needs no restart; one that can't be read leaves the old one in force. Belongs to one thread.
class ServerTls {
 public:
  struct Files {
    std::string cert_file;  // PEM chain; empty: plain text
    std::string key_file;
    std::string ca_file;    // of callers' certificates
    bool require_client_cert = false;
  };
  /// InvalidArgument names the file that can't be used. `created` is null without a certificate.
  static Result<std::unique_ptr<ServerTls>> create(Files files);

  /// The context for the next connection.
  std::shared_ptr<boost::asio::ssl::context> context();

 private:
  explicit ServerTls(Files files) : files_(std::move(files)) {}
  Result<std::shared_ptr<boost::asio::ssl::context>> load() const;
  std::filesystem::file_time_type newest() const;

  Files files_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::filesystem::file_time_type loaded_{};
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace swarm::gateway
