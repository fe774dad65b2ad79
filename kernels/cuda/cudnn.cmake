# Looks for cuDNN 9 beside the toolkit and in the system's folders, where NVIDIA's packages put it, and in the folder that
# CUDNN_ROOT names: its archive, or its wheel. Sets CUDNN_INCLUDE and CUDNN_LIBRARY, and `found` to whether they serve.
function(wasserkern_find_cudnn found)
  set(root ${CUDNN_ROOT} $ENV{CUDNN_ROOT})
  find_path(CUDNN_INCLUDE cudnn_version.h HINTS ${root} ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include)
  find_library(CUDNN_LIBRARY libcudnn.so.9 HINTS ${root} ${CUDAToolkit_LIBRARY_DIR} PATH_SUFFIXES lib lib64)
  if(CUDNN_INCLUDE AND CUDNN_LIBRARY)
    file(STRINGS ${CUDNN_INCLUDE}/cudnn_version.h nine REGEX "define +CUDNN_MAJOR +9$")  # or it is that of an older one
    if(nine)
      set(${found} YES PARENT_SCOPE)
      return()
    endif()
  endif()
  unset(CUDNN_INCLUDE CACHE)  # so that the next try looks again
  unset(CUDNN_LIBRARY CACHE)
  set(${found} NO PARENT_SCOPE)
endfunction()
