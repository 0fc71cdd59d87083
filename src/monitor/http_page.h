// What an HttpServer serves, and the limits for its clients.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace crisp {

struct HttpAnswer {
  int code = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

// Makes a page. An HttpServer calls it on its thread, and serves nobody else meanwhile; others may call it at the same
// time.
using HttpPage = std::function<HttpAnswer()>;
using HttpPages = std::map<std::string, HttpPage>;  // by path

// Makes all pages below a path, likewise. `rest` is what follows it in the request, without the query; as it came.
using HttpTree = std::function<HttpAnswer(const std::string& rest)>;
using HttpTrees = std::map<std::string, HttpTree>;  // by path, which ends with "/"

// What is at `path`, which has no query; 404 if nothing is.
HttpAnswer PageAt(const HttpPages& pages, const HttpTrees& trees, const std::string& path);

struct HttpServerOptions {
  // "127.0.0.1:1338", "[::1]:1338", or "unix:///run/crisp/metrics.sock", which gets mode 0660.
  std::string address;
  uid_t uid = 0;  // owner of a unix socket
  gid_t gid = 0;
  size_t most_connections = 8;
  std::chrono::milliseconds head_time = std::chrono::seconds(10);    // for a whole request
  std::chrono::milliseconds answer_time = std::chrono::seconds(30);  // for taking the answer
  std::chrono::milliseconds idle_time = std::chrono::minutes(5);     // between requests of one connection
};

inline constexpr size_t kHttpHeadLimit = 8 << 10;

}  // namespace crisp
