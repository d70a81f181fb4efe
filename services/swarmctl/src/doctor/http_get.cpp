#include "doctor/http_get.hpp"

#include <curl/curl.h>

#include <array>
#include <memory>

namespace swarm::ctl {
namespace {

constexpr std::size_t kBodyBytesMax = 4 << 20;

std::size_t append(char* data, std::size_t, std::size_t size, void* body) {
  auto& out = *static_cast<std::string*>(body);
  if (out.size() + size > kBodyBytesMax) return 0;  // makes curl give up
  out.append(data, size);
  return size;
}

}  // namespace

Result<HttpAnswer> http_get(const std::string& url, std::chrono::milliseconds timeout, const HttpTls& tls) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return Error{Code::Internal, "no HTTP client could be made"};
  HttpAnswer answer;
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  if (!tls.ca_file.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.cert_file.empty()) curl_easy_setopt(curl.get(), CURLOPT_SSLCERT, tls.cert_file.c_str());
  if (!tls.key_file.empty()) curl_easy_setopt(curl.get(), CURLOPT_SSLKEY, tls.key_file.c_str());
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return Error{Code::Unavailable, reason[0] != '\0' ? reason.data() : curl_easy_strerror(code)};
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

}  // namespace swarm::ctl
