if mode() == "load" then
    io.stderr:write("TensorFlow is built without support for GPUs here.\n")
end
