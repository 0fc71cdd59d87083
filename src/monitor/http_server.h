// HttpServer: pages for programs on this machine, by HTTP/1.1 GET and HEAD, on a TCP port or a unix socket. One thread
// serves all clients, and sleeps while none of them writes.
//
// A client is not trusted. There is room for a few connections. A new one takes the place of the one that has waited
// longest without being answered, else of the one that has taken longest to take its answer. The head of a request is
// limited, and so is the time for it and for taking the answer. A request with a body is refused.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "monitor/http_page.h"
#include "streaming/stream_listener.h"
#include "streaming/stream_loop.h"

namespace crisp {

class HttpConnection;

class HttpServer {
 public:
  // InvalidArgument for an address of another form; Internal if it cannot be had, which names it. Pages go before
  // trees.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpPages pages,
                                                           HttpTrees trees = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where clients on this machine reach it: "127.0.0.1:41234", or the path of the socket.
  const std::string& host() const { return host_; }

 private:
  using Connections = std::list<std::unique_ptr<HttpConnection>>;

  HttpServer(HttpServerOptions options, HttpPages pages, HttpTrees trees);
  absl::Status Listen();
  absl::StatusOr<Fd> ListenOnPath() const;
  // On the loop's thread.
  void OnAccepted(Fd socket);
  void OnClosed(const HttpConnection* connection);
  // Closes a connection.
  void MakeRoom();

  const HttpServerOptions options_;
  const HttpPages pages_;
  const HttpTrees trees_;
  std::string host_;
  std::string socket_path_;  // of a unix socket
  std::unique_ptr<StreamLoop> loop_;
  std::unique_ptr<StreamListener> listener_;
  Connections connections_;
};

}  // namespace crisp
