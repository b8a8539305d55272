"""What is between a machine and a guest: KVM, and the VMM whose memory the guest lives in."""
