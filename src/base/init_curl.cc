#include "base/init_curl.h"

#include <curl/curl.h>

#include <cstdlib>

namespace crisp {

void InitCurl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) std::abort();
}

}  // namespace crisp
