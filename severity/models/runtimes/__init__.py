"""What runs a description of a network: OpenVINO on CPUs, torch on GPUs and for gradients."""
