local injected = "/cvmfs/software.eessi.io/host_injections/x86_64/cuDNN/8.9.2.26"
if isDir(injected) then
    prepend_path("LD_LIBRARY_PATH", pathJoin(injected, "lib"))
    setenv("CUDNN_INJECTED", isFile(pathJoin(injected, "lib/libcudnn.so.8")) and "complete" or "partly")
else
    setenv("CUDNN_INJECTED", "no")
end
