#include "libs/auth/base64url.hpp"

#include <catch2/catch.hpp>

using namespace swarm::auth;

TEST_CASE("base64url round trips and knows its vectors", "[base64url]") {
  CHECK(base64url_encode("") == "");
  CHECK(base64url_encode("f") == "Zg");
  CHECK(base64url_encode("fo") == "Zm8");
  CHECK(base64url_encode("foobar") == "Zm9vYmFy");
  CHECK(base64url_encode("\xff\xef\xbe") == "_---");
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<char>(i));
    CHECK(base64url_decode(base64url_encode(bytes)) == bytes);
  }
}

TEST_CASE("what is not strict base64url is refused", "[base64url]") {
  for (const char* text : {"Z", "Zg=", "Zg==", "Zh", "Zm9=", "Z g", "Zm+v", "Zm/v", "Zm9vY"}) {
    INFO(text);
    CHECK_FALSE(base64url_decode(text).has_value());
  }
}
