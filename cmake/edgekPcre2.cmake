# Finds PCRE2 (8-bit) and makes edgek_pcre2 of it. Used by the build and by the installed package.

# Looks below PREFIX first; a cross build looks nowhere else.
function(edgek_find_pcre2 prefix)
  if(TARGET edgek_pcre2)
    return()
  endif()
  set(elsewhere "")
  if(CMAKE_CROSSCOMPILING)
    set(elsewhere NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  endif()
  find_path(EDGEK_PCRE2_INCLUDE_DIR pcre2.h HINTS "${prefix}/include" ${elsewhere})
  find_library(EDGEK_PCRE2_LIBRARY NAMES pcre2-8 pcre2-8-static
    HINTS "${prefix}/lib" "${prefix}/lib/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu" ${elsewhere})
  mark_as_advanced(EDGEK_PCRE2_INCLUDE_DIR EDGEK_PCRE2_LIBRARY)
  if(NOT EDGEK_PCRE2_INCLUDE_DIR OR NOT EDGEK_PCRE2_LIBRARY)
    return()
  endif()
  add_library(edgek_pcre2 INTERFACE IMPORTED GLOBAL)
  set_target_properties(edgek_pcre2 PROPERTIES INTERFACE_LINK_LIBRARIES "${EDGEK_PCRE2_LIBRARY}")
  if(NOT EDGEK_PCRE2_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    set_target_properties(edgek_pcre2 PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${EDGEK_PCRE2_INCLUDE_DIR}")
  endif()
endfunction()
