"""Average precision by the rules of PASCAL VOC."""
