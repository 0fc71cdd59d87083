// HttpConnection: one client of an HttpServer, and its requests, one after the other.
//
// Threading: the StreamLoop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "monitor/http_page.h"
#include "os/fd.h"
#include "streaming/byte_stream.h"
#include "streaming/stream_loop.h"

namespace crisp {

class HttpConnection {
 public:
  // `options`, `pages` and `trees` must outlive it. `closed` is called once, never inside a method, when the connection
  // is to be deleted.
  HttpConnection(StreamLoop* loop, Fd socket, const HttpServerOptions* options, const HttpPages* pages,
                 const HttpTrees* trees, std::function<void(const HttpConnection*)> closed);
  ~HttpConnection();

  // It is taking an answer; else it waits for a request.
  bool answering() const { return answering_; }
  // When it began what it does now.
  MonoTime since() const { return since_; }

 private:
  struct Parser;

  void StartRequest();
  void Read();
  void OnRead(size_t size);
  // Takes the bytes that have come apart.
  void Advance();
  void Answer();
  HttpAnswer MakePage(const std::string& path) const;
  void Send(HttpAnswer answer, bool keep_alive, bool with_body);
  void OnSent(bool sent, bool keep_alive);
  void Close();

  const HttpServerOptions* const options_;
  const HttpPages* const pages_;
  const HttpTrees* const trees_;
  const std::function<void(const HttpConnection*)> closed_;
  StreamLoop* const loop_;
  const std::unique_ptr<ByteStream> bytes_;
  StreamTimer timer_;  // of what the connection waits for
  std::unique_ptr<Parser> parser_;
  std::string unparsed_;
  std::string head_, body_;  // of the answer that is being sent
  char buffer_[4096];
  bool answering_ = false;
  bool idle_ = false;  // it has had an answer, and no byte of another request has come
  MonoTime since_ = MonoClock::now();
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace crisp
