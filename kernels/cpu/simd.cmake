# wasserkern_simd_sources(TARGET FILE...): compiles each file once per instruction set, in a namespace of its own, and
# adds the objects to TARGET. See kernels/cpu/dispatch.h.
function(wasserkern_simd_sources target)
  set(sets baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT WASSERKERN_NATIVE_ONLY)
    set(sets baseline v3 v4)
  endif()
  # -march=native would name more than Highway's static mode knows.
  set(native)
  if(WASSERKERN_NATIVE_ONLY AND EXISTS /proc/cpuinfo)
    file(READ /proc/cpuinfo machine)
    if(machine MATCHES "avx512f.*avx512vl")
      set(native -march=x86-64-v4)
    elseif(machine MATCHES "avx2")
      set(native -march=x86-64-v3)
    endif()
  endif()
  foreach(set IN LISTS sets)
    set(objects ${target}_simd_${set})
    add_library(${objects} OBJECT ${ARGN})
    target_link_libraries(${objects} PRIVATE wasserkern_flags OpenMP::OpenMP_CXX)
    target_include_directories(${objects} SYSTEM PRIVATE ${HIGHWAY_INCLUDE})
    # Optimised also in debug builds: force-inlined vector code is unusable otherwise, and inline functions must vanish.
    # -O1 there, because sanitizers on top of -O3 take minutes to compile.
    # HWY_DISABLE_PCLMUL_AES: x86-64-v3 does not promise them and nothing here uses them.
    # No contraction: random numbers are bit-equal on every device; where a fused operation is wanted it is written.
    target_compile_options(${objects} PRIVATE
      $<IF:$<CONFIG:Debug>,-O1,-O3> -ffp-contract=off -fno-math-errno -fno-trapping-math)
    target_compile_definitions(${objects} PRIVATE WASSERKERN_ISA=isa_${set} HWY_DISABLE_PCLMUL_AES)
    if(set STREQUAL baseline)
      target_compile_definitions(${objects} PRIVATE WASSERKERN_ONCE)
    else()
      target_compile_options(${objects} PRIVATE -march=x86-64-${set})
    endif()
    if(WASSERKERN_NATIVE_ONLY)
      target_compile_options(${objects} PRIVATE ${native})
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()
