# Finds Highway's headers, 1.2 or newer, and makes edgek_highway of them. edgek links no libhwy, so
# headers are all it takes: a package, an unpacked one (EDGEK_DEPS_DIR), or plain -I style prefixes.
# Used by the build and, installed, by the package configuration.

set(EDGEK_HIGHWAY_MINIMUM 1.2)

# Sets OUT to "major.minor" of the headers in DIR, or to nothing.
function(edgek_highway_version dir out)
  set(${out} "" PARENT_SCOPE)
  if(NOT EXISTS "${dir}/hwy/base.h" OR NOT EXISTS "${dir}/hwy/highway.h")
    return()
  endif()
  foreach(header base.h highway.h)
    file(STRINGS "${dir}/hwy/${header}" lines REGEX "^#define HWY_(MAJOR|MINOR) [0-9]+")
    if(lines MATCHES "HWY_MAJOR ([0-9]+)")
      set(major ${CMAKE_MATCH_1})
      if(lines MATCHES "HWY_MINOR ([0-9]+)")
        set(${out} "${major}.${CMAKE_MATCH_1}" PARENT_SCOPE)
        return()
      endif()
    endif()
  endforeach()
endfunction()

# Sets OUT to the first of the directories that holds headers new enough, or to nothing.
function(edgek_choose_highway out)
  set(${out} "" PARENT_SCOPE)
  foreach(dir IN LISTS ARGN)
    edgek_highway_version("${dir}" version)
    if(version AND version VERSION_GREATER_EQUAL EDGEK_HIGHWAY_MINIMUM)
      set(${out} "${dir}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# Where the headers may be: the one the user names, a package, EDGEK_DEPS_DIR, then the usual prefixes.
function(edgek_find_highway out)
  set(candidates ${EDGEK_HIGHWAY_INCLUDE_DIR})
  if(NOT TARGET hwy::hwy)
    find_package(hwy ${EDGEK_HIGHWAY_MINIMUM} CONFIG QUIET)
  endif()
  if(TARGET hwy::hwy)
    get_target_property(dirs hwy::hwy INTERFACE_INCLUDE_DIRECTORIES)
    list(APPEND candidates ${dirs})
  elseif(TARGET hwy)
    get_target_property(dirs hwy INTERFACE_INCLUDE_DIRECTORIES)
    string(REGEX REPLACE "\\$<BUILD_INTERFACE:([^>]*)>" "\\1" dirs "${dirs}")
    list(APPEND candidates ${dirs})
  endif()
  list(APPEND candidates "${EDGEK_DEPS_DIR}/usr/include")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH CMAKE_INSTALL_PREFIX)
    list(APPEND candidates "${prefix}/include")
  endforeach()
  list(APPEND candidates /usr/local/include /usr/include)
  edgek_choose_highway(found ${candidates})
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

# The imported target: include directory only, as a system one.
function(edgek_add_highway dir)
  add_library(edgek_highway INTERFACE IMPORTED GLOBAL)
  set(dirs "${dir}")
  # A -isystem of a compiler's own directory reorders its list and breaks #include_next.
  if(dir IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    set(dirs "")
  endif()
  set_target_properties(edgek_highway PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${dirs}")
endfunction()
