# Every dependency: the machine's package first, then what scripts/setup.sh unpacked into
# EDGEK_DEPS_DIR, then a pinned download (EDGEK_FETCH).
include(FetchContent)

set(EDGEK_DEPS_DIR "${CMAKE_CURRENT_SOURCE_DIR}/.deps" CACHE PATH "Where scripts/setup.sh unpacks packages")

function(edgek_need what cure)
  if(EDGEK_FETCH)
    message(STATUS "edgek: no ${what} on this machine, downloading it (`make setup` installs it instead: ${cure})")
  else()
    message(FATAL_ERROR "edgek: ${what} not found. Run `make setup` (it installs ${cure}), or configure with -DEDGEK_FETCH=ON.")
  endif()
endfunction()

# Highway 1.2: headers only, nothing of it is built.
if(NOT TARGET edgek_highway)
  edgek_find_highway(edgek_highway_dir)
  if(NOT edgek_highway_dir)
    edgek_need("Highway ${EDGEK_HIGHWAY_MINIMUM}" "libhwy-dev")
    FetchContent_Declare(edgek_fetch_highway
      URL https://github.com/google/highway/archive/refs/tags/1.2.0.tar.gz
      URL_HASH SHA256=7e0be78b8318e8bdbf6fa545d2ecb4c90f947df03f7aadc42c1967f019e63343
      DOWNLOAD_EXTRACT_TIMESTAMP ON
      SOURCE_SUBDIR headers-only)
    FetchContent_MakeAvailable(edgek_fetch_highway)
    set(edgek_highway_dir "${edgek_fetch_highway_SOURCE_DIR}")
  endif()
  edgek_add_highway("${edgek_highway_dir}")
  set(EDGEK_HIGHWAY_DIR "${edgek_highway_dir}" CACHE INTERNAL "Highway's headers in use")
  edgek_highway_version("${edgek_highway_dir}" edgek_highway_found)
  message(STATUS "edgek: Highway ${edgek_highway_found} in ${edgek_highway_dir}")
endif()

find_package(Threads REQUIRED)

# PCRE2 for edgek::model. Cross builds take the foreign library from EDGEK_DEPS_DIR/<processor>.
if(EDGEK_MODEL)
  include(edgekPcre2)
  edgek_find_pcre2("${EDGEK_DEPS_DIR}/${CMAKE_SYSTEM_PROCESSOR}/usr")
  if(NOT TARGET edgek_pcre2 AND CMAKE_CROSSCOMPILING)
    message(STATUS "edgek: no PCRE2 for ${CMAKE_SYSTEM_PROCESSOR}: edgek::model and its tests are left out")
    set(EDGEK_MODEL OFF)
  elseif(NOT TARGET edgek_pcre2)
    edgek_need("PCRE2" "libpcre2-dev")
    set(PCRE2_BUILD_PCRE2GREP OFF CACHE BOOL "" FORCE)
    set(PCRE2_BUILD_TESTS OFF CACHE BOOL "" FORCE)
    FetchContent_Declare(edgek_fetch_pcre2 SYSTEM
      GIT_REPOSITORY https://github.com/PCRE2Project/pcre2.git
      GIT_TAG 52c08847921a324c804cabf2814549f50bce1265)  # 10.42
    enable_language(C)
    FetchContent_MakeAvailable(edgek_fetch_pcre2)
    add_library(edgek_pcre2 INTERFACE IMPORTED GLOBAL)
    set_target_properties(edgek_pcre2 PROPERTIES INTERFACE_LINK_LIBRARIES pcre2-8-static
      INTERFACE_INCLUDE_DIRECTORIES "${edgek_fetch_pcre2_BINARY_DIR}")
  endif()
endif()

# GoogleTest; a cross build compiles the sources that Debian ships as package googletest.
macro(edgek_find_gtest)
  if(NOT CMAKE_CROSSCOMPILING)
    find_package(GTest QUIET)
  endif()
  if(NOT TARGET GTest::gtest_main AND NOT TARGET GTest::Main)
    set(INSTALL_GTEST OFF CACHE BOOL "" FORCE)
    set(BUILD_GMOCK OFF CACHE BOOL "" FORCE)
    if(EXISTS /usr/src/googletest/CMakeLists.txt)
      add_subdirectory(/usr/src/googletest "${CMAKE_BINARY_DIR}/googletest" EXCLUDE_FROM_ALL SYSTEM)
    else()
      edgek_need("GoogleTest" "libgtest-dev and googletest")
      FetchContent_Declare(edgek_fetch_gtest SYSTEM
        GIT_REPOSITORY https://github.com/google/googletest.git
        GIT_TAG f8d7d77c06936315286eb55f8de22cd23c188571)  # 1.14.0
      FetchContent_MakeAvailable(edgek_fetch_gtest)
    endif()
  endif()
endmacro()

macro(edgek_find_benchmark)
  find_package(benchmark QUIET)
  if(NOT TARGET benchmark::benchmark)
    edgek_need("Google Benchmark" "libbenchmark-dev")
    set(BENCHMARK_ENABLE_TESTING OFF CACHE BOOL "" FORCE)
    set(BENCHMARK_ENABLE_INSTALL OFF CACHE BOOL "" FORCE)
    FetchContent_Declare(edgek_fetch_benchmark SYSTEM
      GIT_REPOSITORY https://github.com/google/benchmark.git
      GIT_TAG 344117638c8ff7e239044fd0fa7085839fc03021)  # 1.8.3
    FetchContent_MakeAvailable(edgek_fetch_benchmark)
  endif()
  find_package(xsimd QUIET)
  if(NOT TARGET xsimd AND NOT TARGET xsimd::xsimd)
    edgek_need("xsimd" "libxsimd-dev")
    FetchContent_Declare(edgek_fetch_xsimd SYSTEM
      URL https://github.com/xtensor-stack/xsimd/archive/refs/tags/10.0.0.tar.gz
      URL_HASH SHA256=73f818368b3a4dad92fab1b2933d93694241bd2365a6181747b2df1768f6afdd
      DOWNLOAD_EXTRACT_TIMESTAMP ON)
    FetchContent_MakeAvailable(edgek_fetch_xsimd)
  endif()
endmacro()

macro(edgek_find_cli_dependencies)
  find_package(CLI11 QUIET)
  if(NOT TARGET CLI11::CLI11)
    edgek_need("CLI11" "libcli11-dev")
    FetchContent_Declare(edgek_fetch_cli11 SYSTEM
      URL https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.6.2.tar.gz
      URL_HASH SHA256=c6ea6b2e5608b3ea8617999bd5f47420c71b2ebdb8dc4767c1034d1da5785711
      DOWNLOAD_EXTRACT_TIMESTAMP ON)
    FetchContent_MakeAvailable(edgek_fetch_cli11)
  endif()
  find_package(fmt QUIET)
  if(NOT TARGET fmt::fmt)
    edgek_need("fmt" "libfmt-dev")
    FetchContent_Declare(edgek_fetch_fmt SYSTEM
      GIT_REPOSITORY https://github.com/fmtlib/fmt.git
      GIT_TAG e69e5f977d458f2650bb346dadf2ad30c5320281)  # 10.2.1
    FetchContent_MakeAvailable(edgek_fetch_fmt)
  endif()
  find_package(nlohmann_json QUIET)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    edgek_need("nlohmann-json" "nlohmann-json3-dev")
    FetchContent_Declare(edgek_fetch_json SYSTEM
      GIT_REPOSITORY https://github.com/nlohmann/json.git
      GIT_TAG 9cca280a4d0ccf0c08f47a99aa71d1b0e52f8d03)  # 3.11.3
    FetchContent_MakeAvailable(edgek_fetch_json)
  endif()
endmacro()
