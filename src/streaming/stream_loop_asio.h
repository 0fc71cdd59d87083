// The Boost.Asio io_context of a StreamLoop, for the files that need an executor for Boost.Beast.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace crisp {

struct AsioLoop {
  // A concurrency hint of 1: one thread runs it, so Asio leaves locks out.
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

}  // namespace crisp
